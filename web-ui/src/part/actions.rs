//! Forms of one button.

use maud::{Markup, html};

use crate::view::Page;

/// A button that does something.
pub(crate) struct Action<'a> {
    /// Where it posts to.
    pub(crate) address: &'a str,
    /// What it says.
    pub(crate) label: &'a str,
    /// What it does, for those who hover.
    pub(crate) help: &'a str,
    /// What is asked before; empty when it does no harm.
    pub(crate) confirm: &'a str,
    /// The fields that it sends.
    pub(crate) fields: &'a [(&'a str, &'a str)],
}

/// A form that posts, with the field that shows that it is ours.
pub(crate) fn post(page: &Page, address: &str, body: &Markup) -> Markup {
    html! {
        form.inline method="post" action=(address) {
            input type="hidden" name="csrf" value=(page.csrf);
            (body)
        }
    }
}

/// The button, for those who may.
pub(crate) fn action(page: &Page, action: &Action<'_>) -> Markup {
    if !page.may_operate() {
        return Markup::default();
    }
    let confirm = (!action.confirm.is_empty()).then_some(action.confirm);
    post(
        page,
        action.address,
        &html! {
            @for (name, value) in action.fields { input type="hidden" name=(name) value=(value); }
            button.danger[confirm.is_some()] type="submit" title=(action.help) data-confirm=[confirm] { (action.label) }
        },
    )
}
