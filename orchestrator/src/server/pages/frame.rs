//! What every page knows: who looks, in which light, and what became of what they just did.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::Value;
use sluicegate_web as web;
use web::view::{ErrorPage, Login, Notice, Page, Theme, User};

use crate::server::{
    access::{Identity, Role, Via},
    error::ApiError,
    extract::{Q, S},
    guard::cookie,
    state::ServerState,
};

/// The cookie that carries a notice to the page that follows a form.
const NOTICE: &str = "sluice_notice";

/// What a page needs to know of the request.
pub(super) struct Frame {
    pub(super) page: Page,
    pub(super) identity: Option<Identity>,
    has_notice: bool,
}

/// The value of any cookie.
pub(super) fn any_cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value)
}

fn role(role: Role) -> web::view::Role {
    match role {
        Role::Viewer => web::view::Role::Viewer,
        Role::Operator => web::view::Role::Operator,
        Role::Admin => web::view::Role::Admin,
    }
}

impl Frame {
    pub(super) fn of(state: &ServerState, headers: &HeaderMap, identity: Option<Identity>) -> Self {
        let fragment = headers.get("x-fragment").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let notice = any_cookie(headers, NOTICE).filter(|_| fragment.is_none()).and_then(read_notice);
        let session = cookie(headers).unwrap_or_default();
        let user = identity.as_ref().map(|identity| User {
            // Where nobody logged in, nobody can log out.
            name: if identity.via == Via::Session { identity.name.clone() } else { String::new() },
            role: role(identity.role),
        });
        let page = Page {
            now: state.now().0,
            theme: Theme::parse(any_cookie(headers, "theme").unwrap_or_default()),
            csrf: state.sessions.form_token(session),
            user,
            version: env!("CARGO_PKG_VERSION").into(),
            project: state.project(),
            fragment,
            notice,
        };
        Self { has_notice: page.notice.is_some(), page, identity }
    }

    /// A page as the answer.
    pub(super) fn html(&self, status: StatusCode, text: String) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::VARY, HeaderValue::from_static("X-Fragment, Cookie")),
        ];
        let mut reply = (status, headers, text).into_response();
        if self.has_notice {
            let gone =
                HeaderValue::from_static("sluice_notice=; Path=/; Max-Age=0; SameSite=Strict; HttpOnly");
            reply.headers_mut().append(header::SET_COOKIE, gone);
        }
        reply
    }

    /// A page, or the page of what went wrong.
    pub(super) fn answer<V>(
        &self,
        view: Result<V, ApiError>,
        render: impl FnOnce(&Page, &V) -> String,
    ) -> Response {
        match view {
            Ok(view) => self.html(StatusCode::OK, render(&self.page, &view)),
            Err(error) => self.refuse(&error),
        }
    }

    /// The page of what an answer in JSON says.
    async fn refusal(&self, reply: Response) -> Response {
        let status = reply.status();
        let body = axum::body::to_bytes(reply.into_body(), MAX_REFUSAL).await.unwrap_or_default();
        let said: Value = serde_json::from_slice(&body).unwrap_or_default();
        let hints = said["error"]["hints"].as_array().into_iter().flatten();
        let view = ErrorPage {
            status: status.as_u16(),
            message: said["error"]["message"].as_str().unwrap_or_default().to_owned(),
            hints: hints.filter_map(Value::as_str).map(str::to_owned).collect(),
        };
        self.html(status, web::error(&self.page, &view))
    }

    /// The page of what went wrong.
    pub(super) fn refuse(&self, error: &ApiError) -> Response {
        let view = ErrorPage {
            status: error.status.as_u16(),
            message: error.message().to_owned(),
            hints: error.hints().to_vec(),
        };
        self.html(error.status, web::error(&self.page, &view))
    }
}

impl FromRequestParts<Arc<ServerState>> for Frame {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<ServerState>) -> Result<Self, ApiError> {
        Ok(Self::of(state, &parts.headers, parts.extensions.get::<Identity>().cloned()))
    }
}

/// Sends whoever is not known to the login; the script, which asks for a part of a page, hears that it must.
pub(super) async fn signed_in(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    if request.extensions().get::<Identity>().is_some() {
        return next.run(request).await;
    }
    let frame = Frame::of(&state, request.headers(), None);
    if frame.page.fragment.is_some() {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let there = request.uri().path_and_query().map_or("/", |path| path.as_str());
    see_other(&format!("/login?next={}", encoded(there)), None)
}

/// The longest refusal that becomes a page.
const MAX_REFUSAL: usize = 64 << 10;

/// Shows people who look with a browser what went wrong as a page, where it would be JSON otherwise.
pub(in crate::server) async fn refusals(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    let wants_html = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    let is_page = wants_html && !request.uri().path().starts_with("/api/v1/");
    let identity = request.extensions().get::<Identity>().cloned();
    let frame = is_page.then(|| Frame::of(&state, request.headers(), identity));
    let reply = next.run(request).await;
    let is_json = reply.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    match frame {
        Some(frame) if reply.status().as_u16() >= 400 && is_json => frame.refusal(reply).await,
        _ => reply,
    }
}

/// Every byte that could mean something in a query, as its number.
pub(super) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'/');
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// Sends the browser to another page, with what became of what it asked for.
pub(super) fn see_other(there: &str, notice: Option<Notice>) -> Response {
    let Ok(location) = HeaderValue::from_str(there) else {
        return ApiError::invalid("that page has no address").into_response();
    };
    let mut reply = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    let text = notice.map(|notice| {
        let kind = if notice.is_error { 'e' } else { 'o' };
        let hex: String = notice.text.bytes().take(600).map(|byte| format!("{byte:02x}")).collect();
        format!("{NOTICE}={kind}{hex}; Path=/; Max-Age=30; SameSite=Strict; HttpOnly")
    });
    if let Some(cookie) = text.and_then(|text| HeaderValue::from_str(&text).ok()) {
        reply.headers_mut().append(header::SET_COOKIE, cookie);
    }
    reply
}

fn read_notice(cookie: &str) -> Option<Notice> {
    let (kind, hex) = (cookie.get(..1)?, cookie.get(1..)?);
    let digits = hex.as_bytes().chunks_exact(2);
    let bytes: Option<Vec<u8>> =
        digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect();
    let text = String::from_utf8_lossy(&bytes?).into_owned();
    (!text.is_empty()).then_some(Notice { is_error: kind == "e", text })
}

#[derive(Deserialize)]
pub(super) struct LoginQuery {
    next: Option<String>,
}

/// A path of this server; anything else leads to the first page.
pub(super) fn own_path(next: &str) -> &str {
    let is_own = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n']);
    if is_own { next } else { "/" }
}

pub(super) async fn login(frame: Frame, Q(query): Q<LoginQuery>) -> Response {
    let next = own_path(query.next.as_deref().unwrap_or("/")).to_owned();
    if frame.identity.is_some() {
        return see_other(&next, None);
    }
    frame.html(StatusCode::OK, web::login(&frame.page, &Login { next, problem: String::new() }))
}

/// Style sheet, script and mark.
pub(super) async fn asset(State(_): S, uri: Uri, headers: HeaderMap) -> Response {
    let Some(asset) = web::asset(uri.path()) else {
        return ApiError::not_found("there is no such file").into_response();
    };
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|tag| tag == asset.etag);
    let head = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static(asset.cache_control)),
        (header::ETAG, HeaderValue::from_static(asset.etag)),
    ];
    if known { (StatusCode::NOT_MODIFIED, head).into_response() } else { (head, asset.bytes).into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_gone_to_after_the_login() {
        assert_eq!(own_path("/runs?state=failed"), "/runs?state=failed");
        for other in ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""]
        {
            assert_eq!(own_path(other), "/");
        }
    }

    #[test]
    fn a_notice_survives_its_cookie() {
        let notice = Notice { is_error: true, text: "run `x` — ended".into() };
        let reply = see_other("/", Some(notice.clone()));
        let cookie = reply.headers()[header::SET_COOKIE].to_str().unwrap();
        let value = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
        assert_eq!(read_notice(value), Some(notice));
        assert_eq!(read_notice("ozz"), None);
        assert_eq!(read_notice("é"), None);
    }
}
