//! Source with its problems, and two sources line by line.

use maud::{Markup, html};

use crate::{
    text::prose,
    view::{Diagnostic, Severity},
};

/// A file with numbered lines, those with problems marked and explained in place.
pub(crate) fn numbered(source: &str, problems: &[Diagnostic]) -> Markup {
    html! {
        pre.source tabindex="0" aria-label="Source" {
            @for (at, line) in source.lines().enumerate() {
                @let here: Vec<_> = problems.iter().filter(|problem| problem.line == at + 1).collect();
                span.line.hit[!here.is_empty()] id={ "L" (at + 1) } { (highlighted(line)) "\n" }
                @for problem in here { span class=(class(problem)) { (problem.code) " " (prose(&problem.message)) @if !problem.hint.is_empty() { " – " (prose(&problem.hint)) } "\n" } }
            }
        }
    }
}

fn class(problem: &Diagnostic) -> &'static str {
    match problem.severity {
        Severity::Error => "issue bad",
        Severity::Warning => "issue",
    }
}

/// A line of TOML: comments, tables and keys are told apart. A string is not: this is for eyes, not a parser.
fn highlighted(line: &str) -> Markup {
    let trimmed = line.trim_start();
    html! {
        @if trimmed.starts_with('#') { span.com { (line) } }
        @else if trimmed.starts_with('[') { (table_line(line)) }
        @else if let Some((key, value)) = line.split_once('=').filter(|(key, _)| !key.contains(['"', '\'', '{'])) { span.key { (key) } "=" (value) }
        @else { (line) }
    }
}

fn table_line(line: &str) -> Markup {
    match line.split_once(" #") {
        Some((table, comment)) => html! { span.tab { (table) } span.com { " #" (comment) } },
        None => html! { span.tab { (line) } },
    }
}

/// Problems as a list that leads to their lines.
pub(crate) fn diagnostics(problems: &[Diagnostic]) -> Markup {
    html! {
        ul.problems {
            @for problem in problems {
                li {
                    b class=(class(problem)) { (problem.code) }
                    @if problem.line > 0 { a href={ "#L" (problem.line) } { "line " (problem.line) ":" (problem.column) } }
                    span { (prose(&problem.message)) }
                    @if !problem.hint.is_empty() { span.hint { (prose(&problem.hint)) } }
                }
            }
        }
    }
}

/// More lines than this are not compared.
const MOST_LINES: usize = 2_000;

/// A line of either text, or of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line<'a> {
    Same(&'a str),
    Gone(&'a str),
    New(&'a str),
}

/// Two texts as one, by the longest common subsequence of their lines; long equal stretches are left out.
pub(crate) fn line_diff(before: &str, after: &str) -> Markup {
    let (before, after): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    if before.len().max(after.len()) > MOST_LINES {
        return html! { p.note { "The files are too long to be compared here." } };
    }
    let lines = compare(&before, &after);
    let near = |at: usize| {
        let range = at.saturating_sub(3)..(at + 4).min(lines.len());
        lines[range].iter().any(|line| !matches!(line, Line::Same(_)))
    };
    html! {
        pre.source.diff tabindex="0" aria-label="Difference of the workflow files" {
            @for (at, line) in lines.iter().enumerate() {
                @match line {
                    Line::Gone(text) => del { "- " (text) "\n" },
                    Line::New(text) => ins { "+ " (text) "\n" },
                    Line::Same(text) if near(at) => span.line { "  " (text) "\n" },
                    Line::Same(_) => @if at > 0 && near(at - 1) { span.cut { "  …\n" } },
                }
            }
        }
    }
}

fn compare<'a>(before: &[&'a str], after: &[&'a str]) -> Vec<Line<'a>> {
    let (n, m) = (before.len(), after.len());
    let mut longest = vec![vec![0u16; m + 1]; n + 1];
    for i in (0..n).rev() {
        for j in (0..m).rev() {
            longest[i][j] = if before[i] == after[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < n || j < m {
        if i < n && j < m && before[i] == after[j] {
            lines.push(Line::Same(before[i]));
            (i, j) = (i + 1, j + 1);
        } else if i < n && (j == m || longest[i + 1][j] >= longest[i][j + 1]) {
            lines.push(Line::Gone(before[i]));
            i += 1;
        } else {
            lines.push(Line::New(after[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Line, compare, line_diff};

    #[test]
    fn a_changed_line_is_gone_and_new() {
        let lines = compare(&["a", "b", "c"], &["a", "x", "c", "d"]);
        let expected = [Line::Same("a"), Line::Gone("b"), Line::New("x"), Line::Same("c"), Line::New("d")];
        assert_eq!(lines, expected);
    }

    #[test]
    fn far_equal_lines_are_left_out_once() {
        let long: String = (0..50).map(|n| format!("line {n}\n")).collect();
        let html = line_diff(&long, &long.replace("line 20\n", "other\n")).into_string();
        assert!(html.contains("line 18") && !html.contains("line 2\n") && !html.contains("line 40"));
        assert_eq!(html.matches('…').count(), 1);
    }
}
