//! Errors, and the login.

use maud::html;

use crate::{
    icon,
    part::{Shell, post, shell},
    text::prose,
    view::{ErrorPage, Login, Page},
};

/// An error as a page.
pub fn error(page: &Page, view: &ErrorPage) -> String {
    let title = match view.status {
        400 => "This cannot be understood",
        401 => "Who are you?",
        403 => "This is not yours to do",
        404 => "Nothing is here",
        405 => "This is not how it works",
        409 => "Something came in between",
        413 => "This is too much",
        429 => "Too many requests",
        503 => "Not now",
        500.. => "Something broke here",
        _ => "This did not work",
    };
    let main = html! {
        section.lone {
            (icon::MARK)
            p.status { (view.status) }
            h1 { (title) }
            @if !view.message.is_empty() { p.lead { (prose(&view.message)) } }
            @for hint in &view.hints { p.hint { (prose(hint)) } }
            p { @if view.status == 401 { a.button href="/login" { "Log in" } } @else { a.button href="/" { "To the overview" } } }
        }
    };
    shell(page, &Shell { title, place: "" }, &main)
}

/// The login page.
pub fn login(page: &Page, view: &Login) -> String {
    let main = html! {
        section.lone {
            (icon::MARK)
            h1 { "Log in" }
            @if !view.problem.is_empty() { p.notice.bad role="alert" { (icon::icon("failed")) (view.problem) } }
            (post(page, "/login", &html! {
                input type="hidden" name="next" value=(view.next);
                div.field { label for="token" { "Token" } input #token type="password" name="token" required autocomplete="current-password" autofocus; }
                button.primary type="submit" { "Log in" }
            }))
            p.note { "An admin makes a token with " code { "sluice tokens add --role viewer NAME" } }
        }
    };
    shell(page, &Shell { title: "Log in", place: "" }, &main)
}
