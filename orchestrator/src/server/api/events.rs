//! Events of a run: page by page, and as a stream that goes on exactly where it was left.

use std::{collections::VecDeque, sync::Arc};

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use crate::{
    engine::{News, RunFeed},
    run::{Event, RunId},
    server::{
        endpoint::Endpoints,
        error::ApiError,
        extract::{Q, RunPath, S},
        sse::{self, Source, frame, last_event_id},
        state::{ServerState, no_run},
        views::{EventPage, EventView, names_of},
    },
};

/// The longest page.
const MAX_LIMIT: usize = 1000;

/// Frames that wait are sent together up to so many bytes.
const PIECE: usize = 64 << 10;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    /// Only events with a higher number.
    after: Option<u64>,
    /// At most so many, 200 when nothing is said.
    limit: Option<usize>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct StreamQuery {
    /// The number of the last event that the client has; the header `Last-Event-ID` goes before it.
    after: Option<u64>,
}

pub(super) fn add(endpoints: &mut Endpoints) {
    endpoints
        .get("/api/v1/runs/{run}/events", "runs.events")
        .about("List the events of a run, oldest first; as `text/event-stream`, when that is what the caller accepts, follow them")
        .query::<EventsQuery>()
        .header("Last-Event-ID", "The number of the last event that the client of a stream has")
        .json::<EventPage>()
        .or("text/event-stream")
        .also(StatusCode::NO_CONTENT, "the client of a stream has all that will ever come")
        .refuses(&[StatusCode::CONFLICT])
        .to(page);
    endpoints
        .get("/api/v1/runs/{run}/events/stream", "runs.follow")
        .about("Follow a run: an event `record` for each of its events, with its number as the id, `progress` of tasks, and `end` behind its end. 204 when nothing can come any more")
        .query::<StreamQuery>()
        .header("Last-Event-ID", "The number of the last event that the client has")
        .also(StatusCode::NO_CONTENT, "the client has all that will ever come")
        .refuses(&[StatusCode::CONFLICT])
        .other("text/event-stream")
        .to(stream);
}

async fn page(
    State(state): S,
    RunPath(run): RunPath,
    Q(query): Q<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let last = last_event_id(&headers, query.after)?;
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    if accepts.contains("text/event-stream") {
        return follow(&state, run, last).await;
    }
    let read = move |state: &ServerState| {
        let limit = query.limit.unwrap_or(200).clamp(1, MAX_LIMIT);
        let from = query.after.map_or(0, |after| after.saturating_add(1));
        let Told { events, .. } = events(state, run, from)?;
        let next = events.get(limit.saturating_sub(1)).filter(|_| events.len() > limit).map(|last| last.seq);
        Ok(EventPage { events: events.into_iter().take(limit).collect(), next })
    };
    Ok(Json(state.blocking(read).await?).into_response())
}

/// What the store tells of a run's events.
struct Told {
    /// Those from a number on.
    events: Vec<EventView>,
    /// How many there are in all.
    n_events: u64,
    /// Whether the run has ended.
    over: bool,
}

/// The events of a run from a number on.
fn events(state: &ServerState, run: RunId, from: u64) -> Result<Told, ApiError> {
    let records = state.parts.store.events(run)?;
    if records.is_empty() {
        return Err(no_run(&run.to_string()));
    }
    let names = names_of(run, &records)?;
    let over = matches!(records.last().map(|record| &record.event), Some(Event::RunFinished { .. }));
    let wanted = records.iter().skip_while(|record| record.seq < from);
    let events = wanted.map(|record| EventView::named(record, &names)).collect();
    Ok(Told { events, n_events: records.last().map_or(0, |last| last.seq + 1), over })
}

async fn stream(
    State(state): S,
    RunPath(run): RunPath,
    Q(query): Q<StreamQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    follow(&state, run, last_event_id(&headers, query.after)?).await
}

async fn follow(state: &Arc<ServerState>, run: RunId, last: Option<u64>) -> Result<Response, ApiError> {
    let mut source = RunEvents {
        // Before the store is read, so that nothing falls between the two.
        feed: state.parts.engine.follow(run),
        state: Arc::clone(state),
        run,
        next: last.map_or(0, |last| last.saturating_add(1)),
        ready: VecDeque::new(),
        behind: false,
        closed: false,
        over: false,
    };
    let n_events = source.catch_up().await?;
    if let Some(last) = last.filter(|last| *last >= n_events) {
        // The id of another run, or from before a backup was put back: to wait for that number would leave out what comes before it.
        return Err(ApiError::conflict(format!("run {run} has no event {last}; it has {n_events} so far"))
            .hint("leave `Last-Event-ID` out to begin at the beginning"));
    }
    if source.over && last.is_some() && source.ready.len() <= 1 {
        // An `EventSource` comes back for ever unless it is told that there is nothing more.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Ok(sse::reply(state, source))
}

/// Follows one run.
struct RunEvents {
    state: Arc<ServerState>,
    run: RunId,
    feed: RunFeed,
    /// The number of the next event to send.
    next: u64,
    /// Frames that wait to be sent.
    ready: VecDeque<Bytes>,
    /// True when the store has more than was told.
    behind: bool,
    /// True when nothing more is told.
    closed: bool,
    over: bool,
}

impl RunEvents {
    /// Takes what the store has from the next number on; returns how many events it has in all.
    async fn catch_up(&mut self) -> Result<u64, ApiError> {
        let (run, from) = (self.run, self.next);
        let Told { events, n_events, over } =
            self.state.blocking(move |state| events(state, run, from)).await?;
        for event in events {
            self.take(&event);
        }
        if over {
            self.end();
        }
        Ok(n_events)
    }

    fn take(&mut self, event: &EventView) {
        if event.seq == self.next {
            self.next += 1;
            self.ready.push_back(frame(Some(event.seq), "record", event));
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.ready.push_back(frame(None, "end", &serde_json::json!({})));
    }

    fn hear(&mut self, news: &News) -> bool {
        match news {
            News::Event { record, .. } if record.seq > self.next => return false,
            News::Event { record, task } => {
                self.take(&EventView::of(record, task.clone()));
                if matches!(record.event, Event::RunFinished { .. }) {
                    self.end();
                }
            }
            News::Progress { task, fraction, note, .. } => {
                let data = serde_json::json!({ "task": task, "fraction": fraction, "note": note });
                self.ready.push_back(frame(None, "progress", &data));
            }
        }
        true
    }
}

impl Source for RunEvents {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                // What waits goes in one piece.
                let mut piece = frame.to_vec();
                while piece.len() < PIECE
                    && let Some(next) = self.ready.pop_front()
                {
                    piece.extend_from_slice(&next);
                }
                return Some(piece.into());
            }
            if self.over {
                return None;
            }
            if self.behind {
                self.catch_up().await.ok()?;
                self.behind = false;
                // A feed that is closed tells nothing more.
                self.over |= self.closed;
                continue;
            }
            match self.feed.recv().await {
                Ok(news) => self.behind = !self.hear(&news),
                // What was missed is in the store.
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => (self.behind, self.closed) = (true, true),
            }
        }
    }
}
