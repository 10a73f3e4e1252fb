//! The Markdown that documentation uses: headings, paragraphs, lists, tables, code, bold, emphasis, links. Everything else is text; HTML is
//! text too.

use maud::{Markup, html};

/// Renders a text.
pub(crate) fn markdown(text: &str) -> Markup {
    let lines: Vec<&str> = text.lines().collect();
    let mut at = 0;
    let mut out = Vec::new();
    while at < lines.len() {
        let (block, next) = block(&lines, at);
        out.push(block);
        // A block that takes nothing would be read for ever.
        at = next.max(at + 1);
    }
    html! { @for block in out { (block) } }
}

/// The block that begins at a line, and the line behind it.
fn block(lines: &[&str], at: usize) -> (Markup, usize) {
    let line = lines[at].trim();
    if line.is_empty() {
        return (Markup::default(), at + 1);
    }
    if line.starts_with("```") {
        let end =
            (at + 1..lines.len()).find(|&next| lines[next].trim().starts_with("```")).unwrap_or(lines.len());
        return (html! { pre.command { code { (lines[at + 1..end].join("\n")) } } }, end + 1);
    }
    let level = line.bytes().take_while(|byte| *byte == b'#').count();
    if (1..=6).contains(&level) && line[level..].starts_with(' ') {
        let title = inline(line[level..].trim());
        let heading = if level <= 2 {
            html! { h2 { (title) } }
        } else {
            html! { h3 { (title) } }
        };
        return (heading, at + 1);
    }
    if line.starts_with('|') {
        let end = run_of(lines, at, |line| line.starts_with('|'));
        return (table(&lines[at..end]), end);
    }
    if let Some(is_ordered) = list_item(line).map(|(is_ordered, _)| is_ordered) {
        return list(lines, at, is_ordered);
    }
    let begins_other = |line: &str| {
        line.is_empty()
            || line.starts_with("```")
            || line.starts_with('|')
            || line.starts_with('#')
            || list_item(line).is_some()
    };
    let end = run_of(lines, at + 1, |line| !begins_other(line));
    (
        html! { p { (inline(&lines[at..end].iter().map(|line| line.trim()).collect::<Vec<_>>().join(" "))) } },
        end,
    )
}

fn run_of(lines: &[&str], from: usize, belongs: impl Fn(&str) -> bool) -> usize {
    (from..lines.len()).find(|&at| !belongs(lines[at].trim())).unwrap_or(lines.len())
}

/// Whether a line is a list's item, whether it is numbered, and its text.
fn list_item(line: &str) -> Option<(bool, &str)> {
    if let Some(text) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        return Some((false, text));
    }
    let (number, text) = line.split_once(". ")?;
    (!number.is_empty() && number.len() < 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
        .then_some((true, text))
}

fn list(lines: &[&str], at: usize, is_ordered: bool) -> (Markup, usize) {
    let mut items: Vec<String> = Vec::new();
    let mut next = at;
    while next < lines.len() {
        let line = lines[next].trim();
        match list_item(line) {
            Some((_, text)) => items.push(text.to_owned()),
            None if line.is_empty() => break,
            None => {
                if let Some(item) = items.last_mut() {
                    item.push(' ');
                    item.push_str(line);
                }
            }
        }
        next += 1;
    }
    let items = html! { @for item in &items { li { (inline(item)) } } };
    (
        if is_ordered {
            html! { ol { (items) } }
        } else {
            html! { ul { (items) } }
        },
        next,
    )
}

fn table(lines: &[&str]) -> Markup {
    let cells = |line: &str| -> Vec<String> {
        // A bar in code, or with a backslash, is a bar.
        let line = line.trim().trim_matches('|').replace("\\|", "\u{1}");
        line.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
    };
    let is_rule = |line: &&&str| line.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
    let mut rows = lines.iter().filter(|line| !is_rule(line)).map(|line| cells(line));
    let head = rows.next().unwrap_or_default();
    html! {
        div.scroll { table { thead { tr { @for cell in &head { th scope="col" { (inline(cell)) } } } }
            tbody { @for row in rows { tr { @for cell in &row { td { (inline(cell)) } } } } } } }
    }
}

/// Code, bold, emphasis and links within a line.
fn inline(text: &str) -> Markup {
    let mut parts: Vec<Markup> = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '`' => between(rest, "`", "`").map(|(inner, after)| (html! { code { (inner) } }, after)),
            '*' if rest.starts_with("**") => {
                between(rest, "**", "**").map(|(inner, after)| (html! { b { (inline(inner)) } }, after))
            }
            '*' => between(rest, "*", "*")
                .filter(|(inner, _)| !inner.starts_with(' '))
                .map(|(inner, after)| (html! { em { (inline(inner)) } }, after)),
            '[' => link(rest),
            _ => None,
        };
        match taken {
            Some((part, after)) => {
                if !plain.is_empty() {
                    parts.push(html! { (plain) });
                    plain.clear();
                }
                parts.push(part);
                rest = after;
            }
            None => {
                plain.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    html! { @for part in parts { (part) } (plain) }
}

fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<(&'a str, &'a str)> {
    let (inner, after) = text.strip_prefix(open)?.split_once(close)?;
    (!inner.is_empty()).then_some((inner, after))
}

/// `[text](address)`; only addresses of the web and of this server become links.
fn link(text: &str) -> Option<(Markup, &str)> {
    let (label, rest) = text.strip_prefix('[')?.split_once("](")?;
    let (address, after) = rest.split_once(')')?;
    let is_safe = address.starts_with("https://")
        || address.starts_with("http://")
        || address.starts_with('#')
        || (address.starts_with('/') && !address.starts_with("//"));
    let markup = if is_safe {
        html! { a href=(address) rel="noreferrer" { (label) } }
    } else {
        html! { (label) }
    };
    Some((markup, after))
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn what_kinds_use_is_rendered() {
        let html = markdown("# Title\nText with `code` and **bold**\nand a [link](https://x.y).\n\n- one\n  more\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```toml\nx = 1\n```\n").into_string();
        for part in [
            "<h2>Title</h2>",
            "<p>Text with <code>code</code> and <b>bold</b> and a <a href=\"https://x.y\" rel=\"noreferrer\">link</a>.</p>",
            "<ul><li>one more</li><li>two</li></ul>",
            "<th scope=\"col\">a</th>",
            "<td>2</td>",
            "<code>x = 1</code>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
    }

    #[test]
    fn html_and_addresses_that_run_something_stay_text() {
        let html = markdown("<script>alert(1)</script> [x](javascript:alert(1)) `<b>` **").into_string();
        assert!(
            !html.contains("<script") && !html.contains("href") && html.contains("<code>&lt;b&gt;</code>"),
            "{html}"
        );
    }
}
