//! What the page's forms do. Each carries a word that a page elsewhere cannot know, and is answered by another page.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sluicegate_web::{self as web, view, view::Notice};

use super::{
    frame::{Frame, encoded, own_path, see_other},
    runs::fields,
    workflows::workflow,
};
use crate::{
    run::Resolution,
    server::{
        access::{COOKIE, Identity, Role, Via},
        api::{
            control::{RerunRequest, begin_again, end, go_on, once_more, repeat, rest, settle},
            deployments,
            models::move_alias,
            start::launch,
        },
        error::ApiError,
        extract::{P, S, peer_of, read_body, run_id},
        guard::cookie,
        peer::Peer,
        state::ServerState,
    },
    world::new_run_id,
};

/// A form that was sent from a page of this server.
pub(super) struct Form {
    frame: Frame,
    fields: Vec<(String, String)>,
    peer: Peer,
    target: String,
}

impl FromRequest<Arc<ServerState>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, state: &Arc<ServerState>) -> Result<Self, Response> {
        let (mut parts, body): (_, Body) = request.into_parts();
        let frame =
            Frame::from_request_parts(&mut parts, state).await.map_err(IntoResponse::into_response)?;
        let refuse = |error: ApiError| frame.refuse(&error);
        let Some(peer) = peer_of(&parts.extensions) else {
            return Err(refuse(ApiError::forbidden("no_peer", "nobody knows where this comes from")));
        };
        let bytes = read_body(body).await.map_err(refuse)?;
        let fields = fields(&String::from_utf8_lossy(&bytes));
        let given = fields.iter().find(|(name, _)| name == "csrf").map_or("", |(_, value)| value.as_str());
        let session = cookie(&parts.headers).unwrap_or_default();
        if !state.sessions.is_form_token(session, given) {
            let error = ApiError::forbidden("stale_form", "the form is not of this session");
            return Err(refuse(error.hint("go back, load the page again, and send it once more")));
        }
        let target = parts.uri.path().chars().take(200).collect();
        Ok(Self { frame, fields, peer, target })
    }
}

impl Form {
    fn first(&self, name: &str) -> &str {
        self.fields.iter().find(|(other, _)| other == name).map_or("", |(_, value)| value)
    }

    /// Someone who may change something.
    fn operator(&self) -> Result<Identity, ApiError> {
        match &self.frame.identity {
            Some(identity) if identity.role >= Role::Operator => Ok(identity.clone()),
            Some(_) => Err(ApiError::forbidden("forbidden", "you may look, and not change anything")),
            None => Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", "you are not logged in")),
        }
    }

    /// Does something for someone who may, with the audit trail kept, and leads to a page.
    async fn act(
        &self,
        state: &Arc<ServerState>,
        what: &'static str,
        back: &str,
        work: impl AsyncFnOnce(Identity) -> Result<(String, String), ApiError>,
    ) -> Response {
        let who = match self.operator() {
            Ok(who) => who,
            Err(error) => return self.frame.refuse(&error),
        };
        let noted = {
            let (who, peer, target) = (who.clone(), self.peer, self.target.clone());
            let note = move |state: &ServerState| {
                let noted = state.audit.intend(&who, &peer, what, &target, state.now());
                noted.map_err(|error| ApiError::internal(&error))
            };
            state.blocking(note).await
        };
        if let Err(error) = noted {
            return self.frame.refuse(&error);
        }
        let done = work(who.clone()).await;
        let status = done.as_ref().map_or_else(|error| error.status, |_| StatusCode::OK).as_u16();
        state.audit.settle(&who, &self.peer, what, &self.target, status, state.now());
        match done {
            Ok((there, text)) => {
                let notice = (!text.is_empty()).then_some(Notice { is_error: false, text });
                see_other(&there, notice)
            }
            Err(error) => {
                let text = [error.message(), error.hints().first().map_or("", String::as_str)].join(" — ");
                let text = text.trim_end_matches(" — ").to_owned();
                see_other(back, Some(Notice { is_error: true, text }))
            }
        }
    }
}

pub(super) async fn start(State(state): S, P(name): P<String>, form: Form) -> Response {
    let given: BTreeMap<String, String> = form
        .fields
        .iter()
        // A checkbox sends `true` behind a hidden `false`: the last one counts.
        .filter_map(|(name, value)| Some((name.strip_prefix("param.")?.to_owned(), value.clone())))
        .collect();
    let use_cache = form.first("no_cache") != "true";
    let checked = {
        let (name, given) = (name.clone(), given.clone());
        state.blocking(move |state| Ok(state.parts.workflows.check(&name, &given)?)).await
    };
    let checked = match checked {
        Ok(checked) => checked,
        Err(error) => return form.frame.refuse(&error),
    };
    if checked.workflow.is_none() {
        return bad_params(&state, &form, name, given, &checked).await;
    }
    let back = format!("/workflows/{}", encoded(&name));
    form.act(&state, "runs.start", &back, async |who| {
        let id = new_run_id(state.parts.world.as_ref());
        launch(&state, id, checked, use_cache, &on_the_page(who)).await?;
        Ok((format!("/runs/{id}"), String::new()))
    })
    .await
}

/// Whoever did not have to say who they are is known by where they did it.
fn on_the_page(who: Identity) -> Identity {
    if who.via == Via::Loopback { Identity { name: "page".into(), ..who } } else { who }
}

/// The workflow's page again, with what is wrong beside the fields that it is wrong with.
async fn bad_params(
    state: &Arc<ServerState>,
    form: &Form,
    name: String,
    given: BTreeMap<String, String>,
    checked: &crate::server::CheckedWorkflow,
) -> Response {
    let messages: Vec<String> = checked.diagnostics.iter().map(|found| found.message.clone()).collect();
    let wrong = given.keys().filter_map(|param| {
        let marks = [format!("`{param}`"), format!("{param}=")];
        let message = messages.iter().find(|message| marks.iter().any(|mark| message.contains(mark)))?;
        Some((param.clone(), message.clone()))
    });
    let wrong: BTreeMap<String, String> = wrong.collect();
    let mut page = form.frame.page.clone();
    if wrong.is_empty() {
        let text = messages.first().cloned().unwrap_or_else(|| "it cannot be run like this".into());
        page.notice = Some(Notice { is_error: true, text });
    }
    let view = state.blocking(move |state| workflow(state, &name, &given, &wrong)).await;
    match view {
        Ok(view) => form.frame.html(StatusCode::UNPROCESSABLE_ENTITY, web::workflow(&page, &view)),
        Err(error) => form.frame.refuse(&error),
    }
}

pub(super) async fn steer(State(state): S, P((run, action)): P<(String, String)>, form: Form) -> Response {
    let id = match run_id(&run) {
        Ok(id) => id,
        Err(error) => return form.frame.refuse(&error),
    };
    let here = format!("/runs/{id}");
    let told = |text: &str| Ok((here.clone(), text.to_owned()));
    match action.as_str() {
        "cancel" => {
            form.act(&state, "runs.cancel", &here, async |who| {
                drop(end(&state, id, &who.name).await?);
                told("the run is being cancelled")
            })
            .await
        }
        "pause" => {
            form.act(&state, "runs.pause", &here, async |_| {
                drop(rest(&state, id).await?);
                told("nothing new starts; tasks that run go on")
            })
            .await
        }
        "unpause" => {
            form.act(&state, "runs.resume", &here, async |_| {
                drop(go_on(&state, id).await?);
                told("the run goes on")
            })
            .await
        }
        "retry" => {
            form.act(&state, "runs.retry", &here, async |_| {
                drop(repeat(&state, id).await?);
                told("what did not succeed starts over")
            })
            .await
        }
        "rerun" => {
            let from = form.first("from").to_owned();
            form.act(&state, "runs.rerun", &here, async |who| {
                let who = on_the_page(who);
                let new = if from.is_empty() {
                    once_more(&state, id, who).await?
                } else {
                    let request = RerunRequest { from, only: false, current: false, params: BTreeMap::new() };
                    begin_again(&state, id, request, who).await?
                };
                Ok((format!("/runs/{new}"), String::new()))
            })
            .await
        }
        _ => form.frame.refuse(&ApiError::not_found("there is no such form")),
    }
}

pub(super) async fn resolve(State(state): S, P((run, task)): P<(String, String)>, form: Form) -> Response {
    let (id, resolution) = match (run_id(&run), form.first("as")) {
        (Err(error), _) => return form.frame.refuse(&error),
        (Ok(id), "succeeded") => (id, Resolution::Succeeded),
        (Ok(id), "failed") => (id, Resolution::Failed),
        (Ok(id), "retry") => (id, Resolution::Retry),
        (Ok(_), _) => return form.frame.refuse(&ApiError::invalid("`as` says nothing that is known")),
    };
    let here = format!("/runs/{id}");
    form.act(&state, "runs.resolve", &here, async |_| {
        settle(&state, id, task, resolution).await?;
        Ok((here.clone(), "noted; `retry` goes on with the run".into()))
    })
    .await
}

pub(super) async fn alias(State(state): S, P((name, action)): P<(String, String)>, form: Form) -> Response {
    let (alias, reason) = (form.first("alias").to_owned(), form.first("reason").to_owned());
    let here = format!("/models/{}", encoded(&name));
    let (what, version) = match (action.as_str(), form.first("version").parse::<u64>()) {
        ("promote", Ok(version)) => ("models.promote", Some(version)),
        ("promote", Err(_)) => return form.frame.refuse(&ApiError::invalid("`version` is no number")),
        ("rollback", _) => ("models.rollback", None),
        _ => return form.frame.refuse(&ApiError::not_found("there is no such form")),
    };
    form.act(&state, what, &here, async |who| {
        let moved = move_alias(&state, name, alias, version, reason, who.name).await?;
        let text = if moved.is_news {
            format!("`{}` stands for version {} now", moved.alias, moved.version)
        } else {
            format!("`{}` stood for version {} already", moved.alias, moved.version)
        };
        Ok((here.clone(), text))
    })
    .await
}

pub(super) async fn stop(State(state): S, P(name): P<String>, form: Form) -> Response {
    form.act(&state, "deployments.stop", "/deployments", async |_| {
        let text = format!("`{name}` is out of service");
        state.blocking(move |state| deployments::end(state, name)).await?;
        Ok(("/deployments".into(), text))
    })
    .await
}

pub(super) async fn schedule(State(state): S, P((id, action)): P<(String, String)>, form: Form) -> Response {
    let Some(schedules) = state.parts.schedules.clone() else {
        return form.frame.refuse(&ApiError::not_found("this daemon has no scheduler"));
    };
    let (what, pause) = match action.as_str() {
        "pause" => ("schedules.pause", true),
        "resume" => ("schedules.resume", false),
        _ => return form.frame.refuse(&ApiError::not_found("there is no such form")),
    };
    form.act(&state, what, "/schedules", async |who| {
        let text = format!("`{id}` {}", if pause { "rests" } else { "goes on" });
        let change = move |_: &ServerState| {
            let changed =
                if pause { schedules.pause(&id, &who.name) } else { schedules.resume(&id, &who.name) };
            changed.map_err(ApiError::from)
        };
        state.blocking(change).await?;
        Ok(("/schedules".into(), text))
    })
    .await
}

pub(super) async fn login(State(state): S, form: Form) -> Response {
    let next = own_path(form.first("next")).to_owned();
    let (address, now) = (form.peer.source(), state.now());
    let begun = {
        let token = form.first("token").trim().to_owned();
        let begin = move |state: &ServerState| {
            let holder = state.tokens.holder(&token).map_err(|error| ApiError::internal(&error))?;
            let Some(holder) = holder else { return Ok(None) };
            state.sessions.begin(&holder, state.now()).map(Some).map_err(|error| ApiError::internal(&error))
        };
        state.blocking(begin).await
    };
    match begun {
        Err(error) => form.frame.refuse(&error),
        Ok(None) if !state.mistakes.take(&address, now) => {
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "too many wrong tokens");
            form.frame.refuse(&error.hint("wait a minute"))
        }
        Ok(None) => {
            state.audit.refused(&form.peer, "/login", 401, now);
            let problem = "that token is not known".into();
            let view = view::Login { next, problem };
            form.frame.html(StatusCode::UNAUTHORIZED, web::login(&form.frame.page, &view))
        }
        Ok(Some(session)) => {
            let secure = if form.peer.is_tls() { "; Secure" } else { "" };
            let text = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict{secure}");
            let mut reply = see_other(&next, None);
            if let Ok(cookie) = HeaderValue::from_str(&text) {
                reply.headers_mut().append(header::SET_COOKIE, cookie);
            }
            reply
        }
    }
}

pub(super) async fn logout(form: Form) -> Response {
    let _ = form;
    let mut reply = see_other("/login", None);
    let gone = HeaderValue::from_static("sluice_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict");
    reply.headers_mut().append(header::SET_COOKIE, gone);
    reply
}
