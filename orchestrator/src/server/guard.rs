//! The gate that every request passes: the right host, not too many, a known caller, and no page elsewhere behind it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    access::{COOKIE, Identity, Role, Via},
    error::ApiError,
    extract::peer_of,
    peer::{Peer, user_name},
    state::ServerState,
};

/// What a page of this server may load, and from where: from here alone.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Refuses what must not come in, and finds out who asks. Whether they may do what they ask for is the route's to say.
pub(super) async fn gate(
    State(state): State<Arc<ServerState>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = std::time::Instant::now();
    let method = request.method().clone();
    let mut reply = match admit(&state, &mut request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => {
            if let Some(peer) = refusal.peer {
                let status = refusal.error.status.as_u16();
                state.audit.refused(&peer, &refusal.target, status, state.now());
            }
            refusal.error.into_response()
        }
    };
    secure(reply.headers_mut());
    state.metrics.request(&method, reply.status(), started.elapsed());
    reply
}

struct Refusal {
    error: ApiError,
    /// Where it came from, when the refusal is worth a line in the audit trail.
    peer: Option<Peer>,
    target: String,
}

impl From<ApiError> for Refusal {
    fn from(error: ApiError) -> Self {
        Self { error, peer: None, target: String::new() }
    }
}

fn admit(state: &ServerState, request: &mut Request) -> Result<(), Refusal> {
    let peer = peer_of(request.extensions())
        .ok_or_else(|| ApiError::forbidden("no_peer", "nobody knows where this comes from"))?;
    if let Peer::Net { .. } = peer {
        check_host(state, request)?;
        if !state.rate.take(&peer.source(), state.now()) {
            return Err(too_many().into());
        }
    }
    match identify(state, request.headers(), &peer) {
        Ok(Some(identity)) => {
            if identity.via.is_ambient() {
                check_origin(request)?;
            }
            request.extensions_mut().insert(identity);
            Ok(())
        }
        // Also the form that logs in.
        Ok(None) => Ok(check_origin(request)?),
        Err(error) => {
            let target = request.uri().path().chars().take(200).collect();
            Err(Refusal { error, peer: Some(peer), target })
        }
    }
}

fn too_many() -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "too_many", "too many requests from this address")
        .hint("wait as long as `Retry-After` says")
        .header(header::RETRY_AFTER, HeaderValue::from_static("6"))
}

/// A name that an attacker lets point here (DNS rebinding) is refused: only addresses, `localhost` and what the operator named are answered.
fn check_host(state: &ServerState, request: &Request) -> Result<(), ApiError> {
    let header = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = request.uri().authority().map(axum::http::uri::Authority::as_str).or(header);
    let known = host.and_then(|host| host.parse::<axum::http::uri::Authority>().ok()).is_some_and(|host| {
        let name = host.host().trim_matches(['[', ']']);
        name.parse::<std::net::IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || state.options.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    });
    if known {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::MISDIRECTED_REQUEST,
        "wrong_host",
        "this server does not answer to that name",
    )
    .hint("start `sluice serve` with `--host NAME` to let it answer to a name"))
}

/// A page elsewhere must not use what a browser sends along on its own: the cookie, or that it is on this machine.
fn check_origin(request: &Request) -> Result<(), ApiError> {
    if matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let text = |name| request.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let refused = || {
        ApiError::forbidden("cross_site", "a page of another site must not do this")
            .hint("programs need no `Origin`; pages must come from this server")
    };
    if text(header::HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !matches!(site, "same-origin" | "none"))
    {
        return Err(refused());
    }
    if let Some(origin) = request.headers().get(header::ORIGIN) {
        let host = text(header::HOST).unwrap_or_default();
        let own = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, rest)| rest);
        if own != Some(host) {
            return Err(refused());
        }
    }
    Ok(())
}

/// Who asks; `None` for someone who has shown nothing.
fn identify(state: &ServerState, headers: &HeaderMap, peer: &Peer) -> Result<Option<Identity>, ApiError> {
    let address = match peer {
        Peer::Net { address, .. } => address,
        Peer::Socket { uid } => {
            let name = user_name(*uid);
            return Ok(Some(Identity { name, role: Role::Admin, via: Via::Socket }));
        }
    };
    let now = state.now();
    let tokens = &state.tokens;
    if let Some(given) = headers.get(header::AUTHORIZATION) {
        let given = given.to_str().ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        let holder = match given {
            Some(token) => tokens.holder(token).map_err(|error| ApiError::internal(&error))?,
            None => None,
        };
        return match holder {
            Some(token) => Ok(Some(Identity { name: token.name, role: token.role, via: Via::Token })),
            // Whoever has a good token is not locked out by others at the same address.
            None if !state.mistakes.take(&peer.source(), now) => Err(too_many()),
            None => Err(unauthorized("the token is not known")),
        };
    }
    if let Some(cookie) = cookie(headers)
        && let Some(token) = state.sessions.holder(cookie, tokens, now)
    {
        return Ok(Some(Identity { name: token.name, role: token.role, via: Via::Session }));
    }
    // A proxy on this machine speaks for others.
    let speaks_for_others = |name: &header::HeaderName| {
        let name = name.as_str();
        matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-")
    };
    let forwarded = headers.keys().any(speaks_for_others);
    let is_here = state.options.loopback_only && address.ip().to_canonical().is_loopback() && !forwarded;
    if is_here && tokens.is_empty().map_err(|error| ApiError::internal(&error))? {
        return Ok(Some(Identity { name: "local".into(), role: Role::Admin, via: Via::Loopback }));
    }
    Ok(None)
}

pub(super) fn unauthorized(message: &str) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthorized", message)
        .hint("send `authorization: Bearer TOKEN`; `sluice tokens add` makes a token")
        .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
}

/// The session's cookie, as it was sent.
pub(super) fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
}

fn secure(headers: &mut HeaderMap) {
    let set = |headers: &mut HeaderMap, name: &'static str, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(headers, "content-security-policy", CONTENT_POLICY);
    set(headers, "x-content-type-options", "nosniff");
    set(headers, "x-frame-options", "DENY");
    set(headers, "referrer-policy", "same-origin");
    set(headers, "cross-origin-opener-policy", "same-origin");
    set(headers, "cross-origin-resource-policy", "same-origin");
    set(headers, "cache-control", "no-store");
}
