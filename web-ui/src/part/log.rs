//! A task's log: its end at first, the rest as it comes.

use maud::{Markup, html};

use crate::{
    ansi,
    text::{encoded, size},
    view::LogPage,
};

/// The address of an attempt's log.
fn address(log: &LogPage) -> String {
    format!("/runs/{}/tasks/{}/log?attempt={}", encoded(&log.run), encoded(&log.task), log.attempt)
}

/// A piece of a log; the part `log` of its page.
pub(crate) fn log_lines(log: &LogPage) -> Markup {
    html! {
        code.piece data-end=(log.end) data-complete=(log.is_complete) { (ansi::to_html(&log.text)) }
    }
}

/// The log with what one needs to read it. `is_own_page` shows no link to itself.
pub(crate) fn log_section(log: &LogPage, is_own_page: bool) -> Markup {
    let base = format!("/runs/{}/tasks/{}/log", encoded(&log.run), encoded(&log.task));
    let raw = format!(
        "/api/v1/runs/{}/tasks/{}/logs?attempt={}",
        encoded(&log.run),
        encoded(&log.task),
        log.attempt
    );
    let has_lines = log.attempt > 0 && !(log.is_complete && log.text.is_empty());
    html! {
        section.log #log aria-labelledby="log-title" {
            header {
                h3 #log-title { "Log" }
                @if log.n_attempts > 1 {
                    nav aria-label="Attempts" {
                        @for attempt in 1..=log.n_attempts {
                            a href={ (base) "?attempt=" (attempt) } aria-current=[(attempt == log.attempt).then_some("true")] { "attempt " (attempt) }
                        }
                    }
                }
                @if has_lines { div.log-tools hidden {
                    label { span.sr { "Search in the log" } input #log-search type="search" placeholder="Search in the log" autocomplete="off"; }
                    span #log-found role="status" {}
                    @if !log.is_complete { label { input #log-follow type="checkbox" checked; " follow" } }
                } }
                @if log.attempt > 0 {
                    @if !is_own_page { a href=(address(log)) { "open" } }
                    a href=(raw) download { "download" }
                }
            }
            @if log.start > 0 { p.note { "The first " (size(log.start)) " are not shown; the download has them." } }
            @if log.attempt == 0 { p.empty { "No attempt has started yet." } }
            @else if !has_lines { p.empty { "The attempt wrote nothing." } }
            @else {
                pre #log-lines tabindex="0" role="log" aria-label="Log" data-keep=(format!("{}/{}/{}", log.run, log.task, log.attempt)) data-log=(address(log)) { (log_lines(log)) }
            }
        }
    }
}
