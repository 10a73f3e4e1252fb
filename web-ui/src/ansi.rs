//! ANSI codes of a log as HTML. Colours and weights are kept; whatever else a program says to a terminal is left out.

use maud::{Escaper, Markup, PreEscaped};
use std::{borrow::Cow, fmt::Write as _};

/// How text looks.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Look {
    /// One of the 16 colours.
    foreground: Option<u8>,
    background: Option<u8>,
    /// Bold, dim, italic, underlined, in the order of [`WEIGHTS`].
    weights: [bool; 4],
}

/// The classes of the style sheet for weights, and the numbers that turn them on and off.
const WEIGHTS: [(&str, u16, u16); 4] = [("ab", 1, 22), ("ad", 2, 22), ("ai", 3, 23), ("au", 4, 24)];

impl Look {
    /// The classes of the style sheet, or nothing for plain text.
    fn classes(self) -> String {
        let mut classes = Vec::new();
        classes.extend(
            WEIGHTS
                .iter()
                .zip(self.weights)
                .filter(|(_, on)| *on)
                .map(|((class, ..), _)| (*class).to_owned()),
        );
        classes.extend(self.foreground.map(|colour| format!("f{colour}")));
        classes.extend(self.background.map(|colour| format!("g{colour}")));
        classes.join(" ")
    }

    fn weigh(&mut self, number: u16) {
        for (weight, (_, on, off)) in self.weights.iter_mut().zip(WEIGHTS) {
            *weight = (*weight || number == on) && number != off;
        }
    }

    /// Takes the parameters of `ESC [ … m`.
    fn apply(&mut self, parameters: &str) {
        let mut numbers = parameters.split([';', ':']).map(|n| n.parse::<u16>().unwrap_or(0));
        while let Some(number) = numbers.next() {
            match number {
                0 => *self = Self::default(),
                1..=4 | 22..=24 => self.weigh(number),
                30..=37 => self.foreground = u8::try_from(number - 30).ok(),
                90..=97 => self.foreground = u8::try_from(number - 82).ok(),
                39 => self.foreground = None,
                40..=47 => self.background = u8::try_from(number - 40).ok(),
                100..=107 => self.background = u8::try_from(number - 92).ok(),
                49 => self.background = None,
                38 | 48 => {
                    let colour = extended(&mut numbers);
                    *(if number == 38 { &mut self.foreground } else { &mut self.background }) = colour;
                }
                _ => {}
            }
        }
    }
}

/// The colour behind 38 or 48: an index or red, green and blue, as the nearest of the sixteen.
fn extended(numbers: &mut impl Iterator<Item = u16>) -> Option<u8> {
    match numbers.next()? {
        5 => {
            let index = numbers.next()?;
            match index {
                0..=15 => u8::try_from(index).ok(),
                16..=231 => {
                    let cube = index - 16;
                    Some(nearest([cube / 36 * 51, cube / 6 % 6 * 51, cube % 6 * 51]))
                }
                _ => Some(if index < 244 { 8 } else { 7 }),
            }
        }
        2 => Some(nearest([numbers.next()?, numbers.next()?, numbers.next()?])),
        _ => None,
    }
}

/// The nearest of the sixteen: which channels are strong, and how strong.
fn nearest([red, green, blue]: [u16; 3]) -> u8 {
    let most = red.max(green).max(blue);
    let is_strong = |channel: u16| u8::from(channel * 2 > most && most > 40);
    let colour = is_strong(red) | is_strong(green) << 1 | is_strong(blue) << 2;
    if most > 190 { colour + 8 } else { colour }
}

/// Renders text with ANSI codes. Every character of it is escaped; nothing in it can become a tag.
pub(crate) fn to_html(text: &str) -> Markup {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let (mut look, mut shown) = (Look::default(), Look::default());
    let text = overwritten(text);
    let mut rest = &*text;
    loop {
        let (plain, code) = match rest.find(|c: char| c.is_control() && c != '\n' && c != '\t') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if !plain.is_empty() {
            if look != shown {
                close(shown, &mut out);
                open(look, &mut out);
                shown = look;
            }
            // Writing to a string cannot fail.
            let _ = Escaper::new(&mut out).write_str(plain);
        }
        if code.is_empty() {
            break;
        }
        rest = skip_control(code, &mut look);
    }
    close(shown, &mut out);
    PreEscaped(out)
}

/// Text without codes and other control characters, where it is one line among others.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    let is_control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut rest, mut look) = (String::with_capacity(text.len()), text, Look::default());
    while let Some(at) = rest.find(is_control) {
        out.push_str(&rest[..at]);
        rest = skip_control(&rest[at..], &mut look);
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// Lines as a terminal shows them: what stands before a carriage return is written over, as progress bars do.
fn overwritten(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    let line = |line: &str| {
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
        let body = body.trim_end_matches('\r');
        format!("{}{end}", body.rsplit('\r').next().unwrap_or_default())
    };
    Cow::Owned(text.split_inclusive('\n').map(line).collect())
}

fn open(look: Look, out: &mut String) {
    if look != Look::default() {
        let _ = write!(out, "<span class=\"{}\">", look.classes());
    }
}

fn close(look: Look, out: &mut String) {
    if look != Look::default() {
        out.push_str("</span>");
    }
}

/// Takes a control character and what belongs to it off the begin of a text.
fn skip_control<'a>(text: &'a str, look: &mut Look) -> &'a str {
    if let Some(body) = text.strip_prefix("\u{1b}[").or_else(|| text.strip_prefix('\u{9b}')) {
        let Some(end) = body.find(|c: char| ('@'..='~').contains(&c) || c.is_control()) else { return "" };
        let last = body[end..].chars().next().unwrap_or_default();
        if last == 'm' {
            look.apply(&body[..end]);
        }
        // A control character inside a code begins something new.
        return if last.is_control() { &body[end..] } else { &body[end + last.len_utf8()..] };
    }
    if let Some(body) = text.strip_prefix("\u{1b}]") {
        // A title or a link: up to BEL or ESC \, but no further than its line.
        return match body.find(['\u{7}', '\u{1b}', '\n']) {
            Some(at) if body[at..].starts_with('\u{7}') => &body[at + 1..],
            Some(at) if body[at..].starts_with("\u{1b}\\") => &body[at + 2..],
            Some(at) => &body[at..],
            None => "",
        };
    }
    let mut characters = text.chars();
    let is_escape = characters.next() == Some('\u{1b}');
    if is_escape && characters.clone().next().is_some_and(|c| !c.is_control()) {
        characters.next();
    }
    characters.as_str()
}

#[cfg(test)]
mod tests {
    use super::{plain, to_html};

    fn html(text: &str) -> String {
        to_html(text).into_string()
    }

    #[test]
    fn colours_and_weights_become_classes() {
        assert_eq!(html("a \u{1b}[31mred\u{1b}[0m b"), "a <span class=\"f1\">red</span> b");
        assert_eq!(html("\u{1b}[1;92mok"), "<span class=\"ab f10\">ok</span>");
        assert_eq!(html("\u{1b}[38;5;196mx"), "<span class=\"f9\">x</span>");
        assert_eq!(html("\u{1b}[38;2;10;200;10mx"), "<span class=\"f10\">x</span>");
        assert_eq!(html("\u{1b}[4mu\u{1b}[24mv"), "<span class=\"au\">u</span>v");
    }

    #[test]
    fn a_line_among_others_has_no_codes() {
        assert_eq!(plain("a \u{1b}[1;31mred\u{1b}[0m b\u{8}"), "a red b");
        assert_eq!(plain("plain\ttext\n"), "plain\ttext\n");
    }

    #[test]
    fn nothing_in_a_log_becomes_a_tag() {
        let hostile = "<script>\u{1b}[31m\"&'<img onerror=x>\u{1b}]8;;javascript:alert(1)\u{7}link";
        let html = html(hostile);
        assert!(
            !html.contains("<script") && !html.contains("<img") && !html.contains("javascript"),
            "{html}"
        );
        assert!(html.contains("&lt;script&gt;"));
        assert!(html.ends_with("link</span>"));
    }

    #[test]
    fn other_codes_and_broken_ones_are_left_out() {
        assert_eq!(html("a\u{1b}[2K\u{1b}[1Gb"), "ab");
        assert_eq!(html("ab\u{8}c\u{0}d"), "abcd");
        assert_eq!(html("10 %\r20 %\r30 %\r\ndone\r\nend"), "30 %\ndone\nend");
        assert_eq!(html("end\u{1b}["), "end");
        assert_eq!(html("end\u{1b}"), "end");
        assert_eq!(html("\u{1b}[3\u{1b}[31mx"), "<span class=\"f1\">x</span>");
        assert_eq!(html("\u{1b}]0;title\nnext"), "\nnext");
    }
}
