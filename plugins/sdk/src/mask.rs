//! Hiding secrets in what a task says, also when they come in pieces and when they are encoded in base64.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::Value;

use crate::{Secret, TaskError};

/// What stands in the place of a secret.
const HIDDEN: &[u8] = b"***";

/// A part of a base64 text that is shorter, in characters, would hide too much else.
const MIN_ENCODED: usize = 6;

/// Finds secrets in texts and puts `***` in their place. Without secrets it changes nothing and costs nothing.
#[derive(Clone, Default)]
pub struct Mask {
    /// What is hidden: the secrets and their base64 forms.
    patterns: Vec<Vec<u8>>,
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mask({} patterns)", self.patterns.len())
    }
}

impl Mask {
    /// A mask for secrets. An empty secret hides nothing; line ends after a secret, as files have them, do not belong to it.
    pub fn of(secrets: &BTreeMap<String, Secret>) -> Self {
        let mut patterns = Vec::new();
        for secret in secrets.values() {
            let text = secret.reveal().trim_end_matches(['\n', '\r']).as_bytes();
            if !text.is_empty() {
                patterns.extend((0..3).flat_map(|offset| encoded(text, offset)));
                patterns.push(text.to_vec());
            }
        }
        patterns.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        patterns.dedup();
        Self { patterns }
    }

    /// Tells whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// A text without secrets.
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.is_empty() {
            return text.into();
        }
        let mut stream = self.stream();
        let mut masked = stream.feed(text.as_bytes());
        masked.extend(stream.finish());
        // Patterns are whole characters, or ASCII; what is left between them is whole too.
        String::from_utf8_lossy(&masked).into_owned().into()
    }

    /// Hides secrets in every string of a JSON document, names of fields included.
    pub fn value(&self, value: &mut Value) {
        if self.is_empty() {
            return;
        }
        match value {
            Value::String(text) => *text = self.text(text).into_owned(),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(fields) => {
                for (name, mut item) in std::mem::take(fields) {
                    self.value(&mut item);
                    fields.insert(self.text(&name).into_owned(), item);
                }
            }
            Value::Null | Value::Bool(_) => {}
            // A secret may look like a number.
            Value::Number(number) => {
                let text = number.to_string();
                if let Cow::Owned(masked) = self.text(&text)
                    && masked != text
                {
                    *value = Value::String(masked);
                }
            }
        }
    }

    /// An error without secrets.
    #[must_use]
    pub fn error(&self, mut error: TaskError) -> TaskError {
        if !self.is_empty() {
            error.message = self.text(&error.message).into_owned();
            error.hints.iter_mut().for_each(|hint| *hint = self.text(hint).into_owned());
        }
        error
    }

    /// Masks bytes that come in pieces.
    pub fn stream(&self) -> MaskStream<'_> {
        MaskStream { mask: self, pending: Vec::new() }
    }

    /// The longest pattern at the beginning of `text`, in bytes.
    fn match_at(&self, text: &[u8]) -> Option<usize> {
        self.patterns.iter().find(|pattern| text.starts_with(pattern)).map(Vec::len)
    }

    /// Tells whether `text` may be the beginning of a pattern that goes on.
    fn may_go_on(&self, text: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| pattern.len() > text.len() && pattern.starts_with(text))
    }
}

/// Masks bytes that come in pieces: what may be the beginning of a secret is held back until it is known.
pub struct MaskStream<'a> {
    mask: &'a Mask,
    pending: Vec<u8>,
}

impl MaskStream<'_> {
    /// Takes the next piece and returns what can be shown.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.pending.extend_from_slice(bytes);
        self.take(false)
    }

    /// Returns what was held back, at the end.
    pub fn finish(mut self) -> Vec<u8> {
        self.take(true)
    }

    fn take(&mut self, is_end: bool) -> Vec<u8> {
        let mut shown = Vec::with_capacity(self.pending.len());
        let mut at = 0;
        while at < self.pending.len() {
            let rest = &self.pending[at..];
            if !is_end && self.mask.may_go_on(rest) {
                break;
            }
            if let Some(n_bytes) = self.mask.match_at(rest) {
                shown.extend_from_slice(HIDDEN);
                at += n_bytes;
            } else {
                shown.push(rest[0]);
                at += 1;
            }
        }
        self.pending.drain(..at);
        shown
    }
}

/// The characters of a base64 text that come from `secret` alone, when `offset` bytes stand before it in a group of three; in both
/// alphabets.
fn encoded(secret: &[u8], offset: usize) -> Vec<Vec<u8>> {
    let n_bits = secret.len() * 8;
    // A character of six bits belongs to the secret when it begins and ends in it.
    let first = (offset * 8).div_ceil(6);
    let last = (offset * 8 + n_bits) / 6;
    let bit = |at: usize| secret[(at - offset * 8) / 8] >> (7 - (at - offset * 8) % 8) & 1;
    let digits: Vec<u8> =
        (first..last).map(|n| (n * 6..n * 6 + 6).fold(0, |digit, at| digit << 1 | bit(at))).collect();
    if digits.len() < MIN_ENCODED {
        return Vec::new();
    }
    [*b"+/", *b"-_"]
        .map(|[plus, slash]| digits.iter().map(|digit| letter(*digit, plus, slash)).collect())
        .to_vec()
}

fn letter(digit: u8, plus: u8, slash: u8) -> u8 {
    match digit {
        0..26 => b'A' + digit,
        26..52 => b'a' + digit - 26,
        52..62 => b'0' + digit - 52,
        62 => plus,
        _ => slash,
    }
}

#[cfg(test)]
mod tests;
