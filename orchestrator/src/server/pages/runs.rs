//! `/runs`: runs, newest first, a page at a time.

use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use sluicegate_web::{self as web, view};

use super::{
    convert::{run_row, run_state},
    frame::Frame,
};
use crate::{
    run::RunId,
    server::{error::ApiError, extract::S, state::ServerState},
    store::PageFilter,
};

/// Rows of a page.
const ROWS: usize = 50;

/// Pages of the store that are read for one page of rows, when a filter leaves few.
const MAX_PAGES: usize = 5;

/// The fields of a query or a form; a name may stand several times.
pub(super) fn fields(text: &str) -> Vec<(String, String)> {
    let plain = |part: &str| {
        let mut bytes = Vec::with_capacity(part.len());
        let mut rest = part.bytes();
        while let Some(byte) = rest.next() {
            match byte {
                b'+' => bytes.push(b' '),
                b'%' => {
                    let digits: Vec<u8> = rest.by_ref().take(2).collect();
                    let number =
                        std::str::from_utf8(&digits).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok());
                    bytes.extend(number);
                }
                byte => bytes.push(byte),
            }
        }
        String::from_utf8_lossy(&bytes).into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (plain(name), plain(value))
        })
        .collect()
}

pub(super) async fn list(State(state): S, frame: Frame, RawQuery(query): RawQuery) -> Response {
    let query = fields(&query.unwrap_or_default());
    frame.answer(state.blocking(move |state| runs(state, &query)).await, web::runs)
}

fn runs(state: &ServerState, query: &[(String, String)]) -> Result<view::Runs, ApiError> {
    let first = |name: &str| query.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value);
    let states: Vec<view::RunState> = query
        .iter()
        .filter(|(name, _)| name == "state")
        .filter_map(|(_, word)| view::RunState::parse(word))
        .collect();
    let (workflow, text, after) = (first("workflow"), first("q").trim(), first("after"));
    let mut rows = Vec::new();
    let mut before = after.parse::<RunId>().ok();
    let mut next = None;
    if text.is_empty() {
        for _ in 0..MAX_PAGES {
            let filter = PageFilter {
                workflow: Some(workflow).filter(|name| !name.is_empty()),
                before,
                limit: ROWS,
                ..PageFilter::default()
            };
            let page = state.parts.store.page(&filter)?;
            for row in &page.rows {
                if rows.len() < ROWS && (states.is_empty() || states.contains(&run_state(row.status))) {
                    rows.push(run_row(row));
                    next = Some(row.id);
                }
            }
            before = page.next;
            if rows.len() >= ROWS || before.is_none() {
                break;
            }
        }
        // The next page begins behind the last row that is shown, or behind all that was looked at.
        next = if rows.len() >= ROWS { next.filter(|_| before.is_some()) } else { before };
    } else if let Ok(run) = state.parts.store.find_run(text) {
        rows.extend(state.parts.store.row(run)?.as_ref().map(run_row));
    }
    let workflows = state.parts.workflows.list()?.iter().map(|file| file.name.clone()).collect();
    Ok(view::Runs {
        rows,
        workflow: workflow.into(),
        states,
        query: text.into(),
        workflows,
        next: next.map(|next| next.to_string()).unwrap_or_default(),
        is_later_page: !after.is_empty(),
        n_all: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn fields_are_read_as_browsers_write_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields("a=1&a=x+y&b=%C3%A9%26&c&=%zz"),
            [pair("a", "1"), pair("a", "x y"), pair("b", "é&"), pair("c", ""), pair("", ""),]
        );
    }
}
