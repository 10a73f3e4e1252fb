//! The frame of every page.

use maud::{DOCTYPE, Markup, html};

use crate::{
    assets::{MARK, SCRIPT, STYLE},
    icon::{self, icon},
    text::when,
    view::{Page, Theme},
};

use super::actions::post;

/// The places of the navigation: name, address, key behind `g`.
const PLACES: [(&str, &str, &str); 8] = [
    ("Overview", "/", "o"),
    ("Workflows", "/workflows", "w"),
    ("Runs", "/runs", "r"),
    ("Models", "/models", "m"),
    ("Deployments", "/deployments", "d"),
    ("Schedules", "/schedules", "s"),
    ("Kinds", "/kinds", "k"),
    ("System", "/system", "y"),
];

/// What a page puts into the frame.
pub(crate) struct Shell<'a> {
    /// The title of the window; the product's name is added.
    pub(crate) title: &'a str,
    /// The address of the place that the page belongs to; empty for none.
    pub(crate) place: &'a str,
}

/// How a part of a page stays alive.
pub(crate) enum Live {
    /// It does not change any more.
    Still,
    /// It is asked for again every so many seconds while someone looks.
    Every(u32),
    /// It is asked for again when the stream of this address says something.
    Stream(String),
}

/// The part of a page that changes while one looks.
pub(crate) fn live(how: &Live, body: &Markup) -> Markup {
    match how {
        Live::Still => html! { div #live { (body) } },
        Live::Every(seconds) => html! { div #live data-every=(seconds) { (body) } },
        Live::Stream(address) => html! { div #live data-stream=(address) { (body) } },
    }
}

/// A whole page.
pub(crate) fn shell(page: &Page, shell: &Shell<'_>, main: &Markup) -> String {
    let theme = match page.theme {
        Theme::System => None,
        Theme::Light => Some("light"),
        Theme::Dark => Some("dark"),
    };
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (shell.title) " · Sluicegate" }
                link rel="icon" href=(MARK.url) type="image/svg+xml";
                link rel="stylesheet" href=(STYLE.url);
                script src=(SCRIPT.url) defer {}
            }
            body data-now=(page.now) {
                (icon::SPRITE)
                a.skip href="#main" { "Skip to the content" }
                (top(page, shell))
                @if let Some(notice) = &page.notice {
                    p.notice.bad[notice.is_error] role=(if notice.is_error { "alert" } else { "status" }) {
                        (icon(if notice.is_error { "failed" } else { "succeeded" })) (notice.text)
                    }
                }
                main #main tabindex="-1" { (main) }
                (foot(page))
                (keys())
            }
        }
    }
    .into_string()
}

fn top(page: &Page, shell: &Shell<'_>) -> Markup {
    html! {
        header.top {
            a.brand href="/" { (icon::MARK) span.name { "Sluicegate" } @if !page.project.is_empty() { span.project { (page.project) } } }
            @if page.user.is_some() {
                nav aria-label="Main" {
                    @for (name, address, key) in PLACES {
                        a href=(address) data-key=(key) aria-current=[(shell.place == address).then_some("page")] { (name) }
                    }
                }
            }
            div.tools {
                span #link role="status" hidden {}
                button #theme type="button" title="Light or dark (t)" aria-label="Switch between light and dark" hidden { (icon("sun")) }
                @if let Some(user) = page.user.as_ref().filter(|user| !user.name.is_empty()) {
                    span.user { (user.name) }
                    (post(page, "/logout", &html! { button.quiet type="submit" { "Log out" } }))
                }
            }
        }
    }
}

fn foot(page: &Page) -> Markup {
    html! {
        footer.foot {
            span { "Sluicegate " (page.version) }
            a href="/api/docs" { "API" }
            span.asof { "as of " (when(page.now, page.now)) }
            button #keys-open.quiet type="button" hidden { "Keys " kbd { "?" } }
        }
    }
}

fn keys() -> Markup {
    html! {
        dialog #keys aria-labelledby="keys-title" {
            h2 #keys-title { "Keys" }
            dl.keys {
                @for (name, _, key) in PLACES { dt { kbd { "g" } " " kbd { (key) } } dd { (name) } }
                dt { kbd { "j" } " " kbd { "k" } } dd { "Next and previous row" }
                dt { kbd { "/" } } dd { "Search" }
                dt { kbd { "t" } } dd { "Light or dark" }
                dt { kbd { "Esc" } } dd { "Close" }
            }
            form method="dialog" { button { "Close" } }
        }
    }
}
