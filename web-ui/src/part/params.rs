//! Parameters as the fields of a form.

use maud::{Markup, html};

use crate::view::{ParamField, ParamType};

/// One field a parameter.
pub(crate) fn param_fields(fields: &[ParamField]) -> Markup {
    html! { @for field in fields { (param_field(field)) } }
}

fn param_field(field: &ParamField) -> Markup {
    let name = format!("param.{}", field.name);
    let help = format!("help-{}", field.name);
    let described = (!field.help.is_empty() || field.error.is_some()).then_some(help.as_str());
    let value = field.given.as_ref().or(field.default.as_ref());
    let is_invalid = field.error.is_some().then_some("true");
    let bounds = match (field.min, field.max) {
        (Some(min), Some(max)) => format!("({min} to {max})"),
        (Some(min), None) => format!("(at least {min})"),
        (None, Some(max)) => format!("(at most {max})"),
        (None, None) => String::new(),
    };
    let required = field.default.is_none();
    html! {
        div.field {
            label for=(name) { (field.name) @if required { span.must { " required" } } }
            @if !field.choices.is_empty() {
                select id=(name) name=(name) required[required] aria-describedby=[described] aria-invalid=[is_invalid] {
                    @if required { option value="" { "choose …" } }
                    @for choice in &field.choices { option value=(choice) selected[value == Some(choice)] { (choice) } }
                }
            } @else {
                @match field.param_type {
                    ParamType::Boolean => {
                        input type="hidden" name=(name) value="false";
                        input type="checkbox" id=(name) name=(name) value="true" checked[value.is_some_and(|value| value == "true")]
                            aria-describedby=[described] aria-invalid=[is_invalid];
                    }
                    ParamType::Integer | ParamType::Number => {
                        input type="number" id=(name) name=(name) value=[value] min=[field.min] max=[field.max] required[required]
                            step=(if field.param_type == ParamType::Integer { "1" } else { "any" })
                            aria-describedby=[described] aria-invalid=[is_invalid];
                    }
                    ParamType::String => {
                        input type="text" id=(name) name=(name) value=[value] required[required] autocomplete="off"
                            aria-describedby=[described] aria-invalid=[is_invalid];
                    }
                }
            }
            @if described.is_some() || !bounds.is_empty() {
                p.help id=(help) {
                    @if let Some(error) = &field.error { strong.problem { (error) } " " }
                    (field.help) @if !bounds.is_empty() { " " span.bounds { (bounds) } }
                }
            }
        }
    }
}
