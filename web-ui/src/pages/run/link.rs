//! Addresses within a run's page.

use crate::text::encoded;
use crate::view::RunPage;

/// Makes addresses that keep what else is open.
pub(super) struct Links<'a> {
    run: String,
    group: &'a str,
    group_page: usize,
    task: Option<&'a str>,
}

impl<'a> Links<'a> {
    pub(super) fn new(view: &'a RunPage) -> Self {
        Self {
            run: format!("/runs/{}", encoded(&view.row.id)),
            group: &view.group,
            group_page: view.group_page,
            task: view.selected.as_ref().map(|detail| detail.task.name.as_str()),
        }
    }

    /// The panel of a task.
    pub(super) fn task(&self, name: &str) -> String {
        let group = if self.group.is_empty() {
            String::new()
        } else {
            format!("&group={}&rows={}", encoded(self.group), self.group_page)
        };
        format!("?task={}{group}", encoded(name))
    }

    /// The rows of a group.
    pub(super) fn group(&self, key: &str, page: usize) -> String {
        let task = self.task.map(|task| format!("&task={}", encoded(task))).unwrap_or_default();
        format!("?group={}&rows={page}{task}", encoded(key))
    }

    /// The page without an open group, or without a panel.
    pub(super) fn run(&self) -> &str {
        &self.run
    }

    pub(super) fn is_open(&self, key: &str) -> bool {
        self.group == key
    }
}
