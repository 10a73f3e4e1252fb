//! What every page needs to know.

/// The light in which a viewer wants to read, from the cookie `theme`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Theme {
    /// The theme of a value of the cookie `theme`; anything else than `light` and `dark` follows the system.
    pub fn parse(cookie: &str) -> Self {
        match cookie {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }
}

/// What a viewer may do. Each role may do what those before it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look.
    #[default]
    Viewer,
    /// Start, cancel, retry, promote, pause.
    Operator,
    /// Everything, also the audit trail.
    Admin,
}

/// Who looks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// The token's name; empty on a loopback address without tokens, where there is nobody to log out.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What became of what the viewer just did, shown once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// True when it did not work.
    pub is_error: bool,
    /// One sentence.
    pub text: String,
}

/// What every page needs to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The time of the answer.
    pub now: i64,
    /// From the cookie `theme`.
    pub theme: Theme,
    /// The value of the hidden field `csrf` of every form.
    pub csrf: String,
    /// Who looks; without one, only the login, error pages and the API's documentation make sense.
    pub user: Option<User>,
    /// The program's version.
    pub version: String,
    /// The project's name (its folder's), shown in the header.
    pub project: String,
    /// The value of the request's header `X-Fragment`. When the page has such a part, only this part is rendered.
    ///
    /// Parts are `live` (every page that changes while one looks), and `task` and `group` of the run page, and `log` of a log.
    pub fragment: Option<String>,
    /// What became of what the viewer just did.
    pub notice: Option<Notice>,
}

impl Page {
    /// Tells whether the viewer may start, cancel, promote and the like; without it, no form that does is shown.
    pub fn may_operate(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.role >= Role::Operator)
    }
}
