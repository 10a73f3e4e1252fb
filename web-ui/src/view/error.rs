//! Login, errors, the API's documentation

/// The login page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Login {
    /// Where to go afterwards: a path of this server.
    pub next: String,
    /// Why the last try did not work; empty at the first.
    pub problem: String,
}

/// An error as a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorPage {
    /// The status, such as 404.
    pub status: u16,
    /// What happened, a fragment such as "no run is named `x`".
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

/// The documentation of the API.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ApiDocs {
    /// The `OpenAPI` document that `/api/openapi.json` serves.
    pub document: serde_json::Value,
}
