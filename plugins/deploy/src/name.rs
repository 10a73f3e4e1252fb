//! Names of models, aliases and deployments: they become parts of paths, labels and addresses.

use sluicegate_plugin::Problem;

/// The longest name.
const MAX: usize = 64;

/// Reports a name that cannot be used. `what` is such as `model`.
pub(crate) fn check(what: &str, name: &str, pointer: &str, found: &mut Vec<Problem>) {
    if let Err(message) = verify(what, name) {
        let hint =
            format!("use up to {MAX} letters, digits, `.`, `_` and `-`, starting with a letter or a digit");
        found.push(Problem::new(pointer, message).hint(hint));
    }
}

/// Tells why a name cannot be used.
pub(crate) fn verify(what: &str, name: &str) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if name.is_empty() {
        return Err(format!("the {what}'s name is empty"));
    }
    if name.len() > MAX {
        return Err(format!("the {what}'s name has {} characters, at most {MAX} are allowed", name.len()));
    }
    if !name.chars().all(good) || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Err(format!("`{name}` cannot name a {what}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::verify;

    #[test]
    fn a_name_cannot_leave_its_folder() {
        assert!(verify("model", "breast-cancer.v2_A").is_ok());
        for bad in ["", "..", "../x", "a/b", "-x", "a b", "é", &"x".repeat(65)] {
            assert!(verify("model", bad).is_err(), "{bad}");
        }
    }
}
