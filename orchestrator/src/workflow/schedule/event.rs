//! What a fire gives to the parameters of its run: `params` of a schedule or trigger, with expressions that name `event`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{On, Schedule};
use crate::workflow::{
    Diagnostic,
    diagnostic::did_you_mean,
    expression::{self, ExpressionError, Part},
    node::Table,
};

/// What `event` has for every schedule and trigger.
const COMMON: [&str; 3] = ["trigger", "schedule", "scheduled_at"];

/// What `event.run` has.
const RUN: [&str; 4] = ["id", "workflow", "status", "ended_at"];

/// Texts of parameters that a fire gives take so many bytes at most, all together: they are kept with the fire, and with its run.
const MAX_BYTES: usize = 64 * 1024;

impl On {
    /// What `event` has besides what it always has.
    fn own_names(&self) -> &'static [&'static str] {
        match self {
            Self::Time(_) => &[],
            Self::Run(_) => &["run"],
            Self::Webhook(_) => &["body"],
            Self::Files(_) => &["files", "n_files"],
        }
    }

    /// The same with nothing in it: for a run that someone asks for, which no event started.
    fn nothing(&self) -> Value {
        match self {
            Self::Time(_) => json!({}),
            Self::Run(_) => json!({ "run": {} }),
            Self::Webhook(_) => json!({ "body": {} }),
            Self::Files(_) => json!({ "files": [], "n_files": 0 }),
        }
    }
}

impl Schedule {
    /// Tells whether a parameter's value depends on the event.
    pub fn is_open(&self, param: &str) -> bool {
        self.params.get(param).and_then(Value::as_str).is_some_and(expression::is_template)
    }

    /// The parameters of a run as a caller gives them: as text; those that are known already stay as they are. `event` has `trigger`,
    /// `schedule` and `scheduled_at`, and what the event brought, if anything.
    pub fn given(
        &self,
        event: &Value,
        known: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, String> {
        let mut whole = self.on.nothing();
        if let (Some(whole), Some(event)) = (whole.as_object_mut(), event.as_object()) {
            whole.extend(event.clone());
        }
        let scope = json!({ "event": whole });
        let mut texts = known;
        for (name, value) in &self.params {
            if texts.contains_key(name) {
                continue;
            }
            let value = expression::evaluate(value, &scope)
                .map_err(|error| format!("parameter `{name}` cannot be had from the event: {error}"))?;
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            texts.insert(name.clone(), text);
        }
        let n_bytes: usize = texts.values().map(String::len).sum();
        if n_bytes > MAX_BYTES {
            return Err(format!("its parameters take {n_bytes} bytes; at most {MAX_BYTES} are kept"));
        }
        Ok(texts)
    }
}

/// Verifies the expressions among the parameters that a schedule or trigger gives.
pub(super) fn verify(params: &Table<'_>, on: &On, what: &str, found: &mut Vec<Diagnostic>) {
    for (_, node) in &params.entries {
        let Some(text) = node.as_str().filter(|text| expression::is_template(text)) else { continue };
        let (code, label, message, hint) = match expressions(text, on, what) {
            Ok(()) => continue,
            Err(Wrong::Expression(error)) => {
                let hint = Some("expressions look like `{{ event.scheduled_at }}`".into());
                ("E023", "here", format!("bad expression: {}", error.message), hint)
            }
            Err(Wrong::Name(message, hint)) => ("E024", "unknown name", message, hint),
        };
        found.push(Diagnostic::error(code, node.span.clone(), message).label(label).maybe_hint(hint));
    }
}

/// What is wrong with an expression.
enum Wrong {
    Expression(ExpressionError),
    /// A name that there is not, and what to do.
    Name(String, Option<String>),
}

fn expressions(text: &str, on: &On, what: &str) -> Result<(), Wrong> {
    for part in expression::parts(text).map_err(Wrong::Expression)? {
        let Part::Expression(range) = part else { continue };
        let inner = &text[range.clone()];
        expression::compile(inner, range.start).map_err(Wrong::Expression)?;
        for chain in expression::chains(inner) {
            let names: Vec<&str> = chain.names.iter().map(|(name, _)| name.as_str()).collect();
            name(&names, on, what)?;
        }
    }
    Ok(())
}

/// Verifies one name of an expression.
fn name(names: &[&str], on: &On, what: &str) -> Result<(), Wrong> {
    let own = on.own_names();
    match names {
        ["event"] => Ok(()),
        ["event", "run", field, ..] if own.contains(&"run") && !RUN.contains(field) => {
            let near = did_you_mean(field, RUN.iter().copied());
            Err(Wrong::Name(format!("`event.run` has no `{field}`"), near))
        }
        ["event", field, ..] if COMMON.contains(field) || own.contains(field) => Ok(()),
        ["event", field, ..] => {
            let known = COMMON.iter().chain(own).copied();
            Err(Wrong::Name(format!("`event` of {what} has no `{field}`"), did_you_mean(field, known)))
        }
        [first, ..] => {
            let hint = "before a run there is only `event`, which says what starts it";
            Err(Wrong::Name(format!("the name `{first}` is not known here"), Some(hint.into())))
        }
        [] => Ok(()),
    }
}

#[cfg(test)]
mod event_tests {
    use super::*;
    use crate::workflow::{FilesRule, Overlap};

    fn schedule(params: &[(&str, Value)]) -> Schedule {
        Schedule {
            name: "s".into(),
            enabled: true,
            on: On::Files(FilesRule { path: "*.csv".into(), settle: 1.0 }),
            overlap: Overlap::Queue,
            params: params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        }
    }

    #[test]
    fn parameters_are_texts_of_what_the_event_brought() {
        let schedule = schedule(&[
            ("all", json!("{{ event.files }}")),
            ("first", json!("{{ event.files | first | default('none') }}")),
            ("n", json!("{{ event.n_files }}")),
            ("plain", json!(7)),
            ("when", json!("at {{ event.scheduled_at }}")),
        ]);
        let event =
            json!({ "scheduled_at": "2026-01-01T00:00:00Z", "files": ["a.csv", "b.csv"], "n_files": 2 });
        let given = schedule.given(&event, BTreeMap::new()).unwrap();
        let shown: Vec<String> = given.iter().map(|(name, text)| format!("{name}={text}")).collect();
        let wanted =
            ["all=[\"a.csv\",\"b.csv\"]", "first=a.csv", "n=2", "plain=7", "when=at 2026-01-01T00:00:00Z"];
        assert_eq!(shown, wanted);
        let by_hand = schedule
            .given(&json!({ "scheduled_at": "now" }), BTreeMap::from([("first".to_owned(), "x".to_owned())]))
            .unwrap();
        assert_eq!(by_hand["first"], "x");
        assert_eq!((by_hand["all"].as_str(), by_hand["n"].as_str()), ("[]", "0"));
        assert!(schedule.is_open("all") && !schedule.is_open("plain") && !schedule.is_open("none"));
    }

    #[test]
    fn what_is_not_there_and_what_is_too_long_is_refused() {
        let missing =
            schedule(&[("a", json!("{{ event.files[3] }}"))]).given(&json!({}), BTreeMap::new()).unwrap_err();
        assert!(missing.starts_with("parameter `a` cannot be had from the event: "), "{missing}");
        let long: Vec<String> = (0..3).map(|_| "x".repeat(30_000)).collect();
        let long = schedule(&[("a", json!("{{ event.files }}"))])
            .given(&json!({ "files": long }), BTreeMap::new())
            .unwrap_err();
        assert!(long.contains("at most 65536 are kept"), "{long}");
    }
}
