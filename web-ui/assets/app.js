// Sluicegate's page: everything works without this script but for what HTML cannot do. No library, no build step.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const skew = Number(document.body.dataset.now) - Date.now();
  const now = () => Date.now() + skew;

  // ---- Times: relative, with the absolute in the viewer's zone on hover. The same words as `text.rs`.
  function relative(at) {
    const seconds = Math.floor(Math.abs(now() - at) / 1000);
    if (seconds < 5) return "now";
    const steps = [[60, 1, "s"], [3600, 60, "min"], [86400, 3600, "h"], [2592000, 86400, "d"], [31536000, 2592000, "mo"], [Infinity, 31536000, "y"]];
    const [, unit, word] = steps.find(([below]) => seconds < below);
    const amount = `${Math.floor(seconds / unit)} ${word}`;
    return at <= now() ? `${amount} ago` : `in ${amount}`;
  }
  function duration(seconds) {
    const whole = Math.round(Math.max(seconds, 0)), two = (n) => String(n).padStart(2, "0");
    if (seconds < 59.95) return `${Math.max(seconds, 0).toFixed(1)} s`;
    if (whole < 3600) return `${Math.floor(whole / 60)} m ${two(whole % 60)} s`;
    if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor(whole / 60) % 60)} m`;
    return `${Math.floor(whole / 86400)} d ${two(Math.floor(whole / 3600) % 24)} h`;
  }
  const long = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });
  const short = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const minute = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
  function times(root = document) {
    for (const node of $$("time", root)) {
      const at = Date.parse(node.dateTime);
      if (Number.isNaN(at)) continue;
      const text = node.classList.contains("abs") ? (node.classList.contains("minute") ? minute : short).format(at) : relative(at);
      if (node.textContent !== text) node.textContent = text;
      const title = long.format(at);
      if (node.title !== title) node.title = title;
    }
  }
  function clocks() {
    for (const node of $$("[data-since]")) node.textContent = duration((now() - Number(node.dataset.since)) / 1000);
  }
  times();
  setInterval(() => { if (!document.hidden) times(); }, 10_000);
  setInterval(() => { if (!document.hidden) clocks(); }, 1_000);

  // ---- Light and dark. The server reads the cookie, so that no page comes in the wrong light.
  const isDark = () => (document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  function toggleTheme() {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  }

  // ---- Parts of a page. What did not change stays as it is: focus, scrolling, what is open, what is typed.
  function morph(from, to) {
    if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) { from.replaceWith(document.importNode(to, true)); return; }
    if (from.nodeType !== Node.ELEMENT_NODE) { if (from.data !== to.data) from.data = to.data; return; }
    if (from.dataset?.keep && from.dataset.keep === to.dataset.keep) return;
    for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value);
    for (const { name } of [...from.attributes]) {
      if (!to.hasAttribute(name) && !(name === "open" && from.nodeName === "DETAILS")) from.removeAttribute(name);
    }
    let at = from.firstChild;
    for (const wanted of [...to.childNodes]) {
      const same = wanted.id && at?.id !== wanted.id ? [...from.children].find((child) => child.id === wanted.id) : null;
      if (same) from.insertBefore(same, at);
      const node = same || at;
      if (!node) { from.append(document.importNode(wanted, true)); continue; }
      const next = node.nextSibling;
      morph(node, wanted);
      at = next;
    }
    while (at) { const next = at.nextSibling; at.remove(); at = next; }
  }
  function parsed(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  }
  async function part(name, address) {
    const answer = await fetch(address, { headers: { "X-Fragment": name }, cache: "no-store", credentials: "same-origin" });
    if (answer.status === 401 || answer.redirected) { location.reload(); throw new Error("logged out"); }
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  }

  // ---- Staying alive: a stream says that something happened, the part is asked for, no more often than the answers come quickly.
  const link = $("#link");
  let source = null, timer = 0, busy = false, again = false, gap = 300, ended = 0, failures = 0;
  function say(text, isLost = false) {
    if (link.textContent === text) return;
    link.hidden = !text;
    link.textContent = text;
    link.classList.toggle("lost", isLost);
  }
  const isLive = () => Boolean($("#live")?.dataset.stream || $("#live")?.dataset.every);
  async function refresh() {
    const live = $("#live");
    if (!live) return;
    if (busy) { again = true; return; }
    busy = true;
    const wait = Math.max(0, gap - (performance.now() - ended));
    if (wait > 0) await new Promise((done) => setTimeout(done, wait));
    again = false;
    const started = performance.now();
    try {
      const panel = $("#panel"), address = location.href;
      const isOpen = panel && ["running", "waiting", "ready", "blocked"].includes(panel.dataset.state);
      const [html, inner] = await Promise.all([part("live", address), isOpen ? part("task", address) : null]);
      if (address === location.href) {
        const wanted = parsed(html);
        if (wanted) morph($("#live"), wanted);
        const task = inner && parsed(inner);
        if (task && $("#panel")) morph($("#panel"), task);
        times(); clocks(); follow();
        const title = $("#live h1");
        if (title) document.title = `${title.textContent} · Sluicegate`;
      }
      failures = 0;
      say(isLive() ? "live" : "");
    } catch {
      failures += 1;
      say("reconnecting …", true);
      setTimeout(refresh, Math.min(10_000, 500 * 2 ** Math.min(failures, 5)));
    }
    ended = performance.now();
    // A slow page is asked for less often: a tenth of the time at most goes into asking.
    gap = Math.min(5_000, Math.max(300, 9 * (ended - started)));
    busy = false;
    if (!isLive()) hush();
    if (again) refresh();
  }
  function hush() {
    source?.close();
    source = null;
    clearInterval(timer);
    timer = 0;
  }
  // Streams are few in a browser: a page that nobody sees has none.
  function listen() {
    hush();
    const live = $("#live");
    if (!live || document.hidden || !isLive()) return;
    say("live");
    if (live.dataset.every) { timer = setInterval(() => { if (!failures) refresh(); }, 1000 * Number(live.dataset.every)); return; }
    let wasLost = false;
    source = new EventSource(live.dataset.stream);
    source.addEventListener("record", refresh);
    source.addEventListener("open", () => { if (wasLost) refresh(); else say("live"); wasLost = false; });
    source.addEventListener("error", () => {
      wasLost = true;
      say("reconnecting …", true);
      // The browser tries again by itself, unless the answer was an error.
      if (source?.readyState === EventSource.CLOSED) { hush(); setTimeout(() => { if (!source) refresh().then(listen); }, 2_000); }
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { hush(); return; }
    if (isLive()) refresh().then(listen);
    follow();
  });

  // ---- The panel of a task, beside the run.
  let opener = null;
  async function openPanel(address, isNew) {
    try {
      const node = parsed(await part("task", address));
      if (!node) { location.href = address; return; }
      if (isNew) history.pushState(null, "", address);
      const old = $("#panel");
      if (old) old.replaceWith(node); else $("main").append(node);
      mark();
      times(node);
      $("#panel-title").focus({ preventScroll: true });
      follow();
    } catch { location.href = address; }
  }
  function closePanel(isNew) {
    const panel = $("#panel");
    if (!panel) return;
    panel.remove();
    const address = new URL(location.href);
    const task = address.searchParams.get("task");
    address.searchParams.delete("task");
    if (isNew) history.pushState(null, "", address);
    mark();
    const row = $(`#t-${CSS.escape(task ?? "")} a.row`);
    (opener?.isConnected ? opener : row)?.focus({ preventScroll: true });
  }
  function mark() {
    const task = new URL(location.href).searchParams.get("task");
    for (const node of $$("#live [data-panel], #live .n")) {
      const own = new URL(node.getAttribute("href"), location.href).searchParams.get("task");
      (node.closest("tr") || node).classList.toggle("on", task !== null && own === task);
    }
  }
  addEventListener("popstate", () => {
    if (!$("#live")) return;
    if (new URL(location.href).searchParams.has("task")) openPanel(location.href, false); else closePanel(false);
    refresh();
  });
  addEventListener("click", (event) => {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = event.target.closest?.("a[href]");
    if (!anchor) return;
    if (anchor.hasAttribute("data-close")) { event.preventDefault(); closePanel(true); return; }
    const address = new URL(anchor.getAttribute("href"), location.href);
    if (address.pathname !== location.pathname || !$("#tasks")) return;
    if (anchor.hasAttribute("data-swap")) {
      event.preventDefault();
      history.pushState(null, "", address);
      ended = 0;
      refresh();
    } else if (address.searchParams.has("task")) {
      event.preventDefault();
      if (!anchor.closest("#panel")) opener = anchor;
      openPanel(address, true);
    }
  });

  // ---- The log: follows while the attempt runs, searches without the server.
  let following = null;
  async function follow() {
    const pre = $("#log-lines");
    const tools = $(".log-tools");
    if (tools) tools.hidden = false;
    if (!pre || following === pre) return;
    following = pre;
    pre.scrollTop = pre.scrollHeight;
    let pause = 500;
    while (pre.isConnected && !document.hidden) {
      const last = pre.lastElementChild;
      if (!last || last.dataset.complete === "true") break;
      try {
        const piece = parsed(await part("log", `${pre.dataset.log}&offset=${last.dataset.end}`));
        const isNews = piece && (piece.dataset.end !== last.dataset.end || piece.dataset.complete === "true");
        if (isNews) {
          const isAtEnd = $("#log-follow")?.checked ?? false;
          pre.append(piece);
          while (pre.childElementCount > 600) pre.firstElementChild.remove();
          if (isAtEnd) pre.scrollTop = pre.scrollHeight;
          if ($("#log-search")?.value) search(0);
        }
        pause = isNews && piece.textContent ? 250 : Math.min(2_000, pause * 1.3);
      } catch { pause = 3_000; }
      await new Promise((done) => setTimeout(done, pause));
    }
    following = null;
  }
  let found = [], here = -1;
  function search(step) {
    const field = $("#log-search"), pre = $("#log-lines");
    if (!field || !pre || !CSS.highlights) return;
    const text = field.value.toLowerCase();
    found = [];
    if (text) {
      const walker = document.createTreeWalker(pre, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node && found.length < 5_000; node = walker.nextNode()) {
        const lower = node.data.toLowerCase();
        for (let at = lower.indexOf(text); at >= 0 && found.length < 5_000; at = lower.indexOf(text, at + text.length)) {
          const range = new Range();
          range.setStart(node, at);
          range.setEnd(node, Math.min(at + text.length, node.length));
          found.push(range);
        }
      }
    }
    CSS.highlights.set("found", new Highlight(...found));
    if (!found.length) here = -1;
    else if (step !== 0 || here < 0) here = (here + (step || 1) + found.length) % found.length;
    else here = Math.min(here, found.length - 1);
    CSS.highlights.set("here", new Highlight(...found.slice(here, here + 1)));
    $("#log-found").textContent = text ? (found.length ? `${here + 1} of ${found.length}` : "nothing") : "";
    if (here >= 0 && step !== 0) {
      const box = found[here].getBoundingClientRect(), frame = pre.getBoundingClientRect();
      pre.scrollTop += box.top - frame.top - frame.height / 3;
      const follows = $("#log-follow");
      if (follows) follows.checked = false;
    }
  }
  document.addEventListener("input", (event) => { if (event.target.id === "log-search") { here = -1; search(1); } });
  document.addEventListener("keydown", (event) => {
    if (event.target.id === "log-search" && event.key === "Enter") { event.preventDefault(); search(event.shiftKey ? -1 : 1); }
  });

  // ---- Forms: a question before what cannot be undone, and no second click.
  function ask(question) {
    const dialog = document.createElement("dialog");
    dialog.append(Object.assign(document.createElement("p"), { textContent: question }));
    const form = Object.assign(document.createElement("form"), { method: "dialog", className: "actions" });
    const yes = Object.assign(document.createElement("button"), { value: "yes", textContent: "Yes", className: "primary" });
    form.append(yes, Object.assign(document.createElement("button"), { value: "no", textContent: "No" }));
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((done) => dialog.addEventListener("close", () => { done(dialog.returnValue === "yes"); dialog.remove(); }));
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target, button = event.submitter;
    if (form.method !== "post") return;
    if (button?.dataset.confirm && !form.dataset.sure) {
      event.preventDefault();
      if (await ask(button.dataset.confirm)) { form.dataset.sure = "yes"; form.requestSubmit(button); }
      return;
    }
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    button?.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => $$("form").forEach((form) => { delete form.dataset.sent; delete form.dataset.sure; $("[aria-busy]", form)?.removeAttribute("aria-busy"); }));

  // ---- Keys.
  const keys = $("#keys");
  let waitsForPlace = 0;
  function step(by) {
    const rows = $$("a.row").filter((row) => row.offsetParent !== null || row.getClientRects().length);
    const at = rows.findIndex((row) => row.closest("tr, dt")?.classList.contains("cursor"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, at < 0 ? 0 : at + by))];
    $$(".cursor").forEach((row) => row.classList.remove("cursor"));
    if (!next) return;
    next.closest("tr, dt")?.classList.add("cursor");
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !$("dialog[open]")) { closePanel(true); return; }
    if (event.metaKey || event.ctrlKey || event.altKey || event.target.closest("input, select, textarea, dialog")) return;
    if (performance.now() < waitsForPlace) {
      waitsForPlace = 0;
      const place = $(`.top nav a[data-key="${CSS.escape(event.key)}"]`);
      if (place) { event.preventDefault(); place.click(); }
      return;
    }
    const act = {
      g: () => { waitsForPlace = performance.now() + 1_500; },
      j: () => step(1), k: () => step(-1), t: toggleTheme,
      "?": () => keys.showModal(),
      "/": () => ($("#log-search") || $("input[type=search]"))?.focus(),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });

  // ---- What only makes sense with this script.
  $("#theme").hidden = false;
  $("#theme").addEventListener("click", toggleTheme);
  $("#keys-open").hidden = false;
  $("#keys-open").addEventListener("click", () => keys.showModal());
  if ($("#panel")) $("#panel-title").focus({ preventScroll: true });
  listen();
  follow();
  clocks();
})();
