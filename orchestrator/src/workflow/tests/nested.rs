use super::*;

const OUTER: &str = "[tasks.m]\nuses = 'workflow'\nwith = { file = 'sub/inner.toml', params = { n = 3 } }\n";
const INNER: &str = "[params]\nn = { type = 'integer', max = 9 }\n[tasks.a]\nuses = 'make'\nwith = { n = '{{ params.n }}' }\n[outputs]\ntable = 'a'\ncount = 'a.count'\n";

fn refused(outer: &str, files: &[(&str, &str)]) -> (Vec<String>, String) {
    let (source, checked) = checked_among(outer, &[], files);
    assert!(checked.workflow.is_none(), "it is valid:\n{outer}");
    (places_of(&source, &checked.diagnostics), render(&source, &checked.diagnostics, false))
}

#[test]
fn a_workflow_in_a_workflow_has_the_outputs_that_it_lists() {
    let outer = format!("{OUTER}[tasks.t]\nuses = 'take'\ninputs = {{ table = 'm.table' }}\nneeds = ['m']\n");
    let (source, checked) = checked_among(&outer, &[], &[("/sub/inner.toml", INNER)]);
    let checked =
        checked.workflow.unwrap_or_else(|| panic!("{}", render(&source, &checked.diagnostics, false)));
    let nested = checked.tasks[0].nested.as_ref().expect("it runs another");
    assert_eq!(
        (nested.file.as_path(), nested.base_dir.as_path()),
        (Path::new("sub/inner.toml"), Path::new("/sub"))
    );
    assert_eq!(nested.source, INNER);
    assert_eq!(checked.tasks[1].inputs["table"].port_type, PortType::Table);
    let wrong = outer.replace("m.table", "m.tabel");
    assert_eq!(refused(&wrong, &[("/sub/inner.toml", INNER)]).0, ["E013 6:20"]);
}

#[test]
fn problems_of_an_inner_workflow_are_one_problem_of_the_outer() {
    let broken = INNER.replace("'make'", "'mak'").replace("table = 'a'", "table = 'b'");
    let (places, said) = refused(OUTER, &[("/sub/inner.toml", &broken)]);
    assert_eq!(places, ["E029 3:17"]);
    assert!(
        said.contains("has 2 errors, the first at sub/inner.toml:4:8: there is no kind `mak` (E010)"),
        "{said}"
    );
    let (places, said) = refused(OUTER, &[]);
    assert_eq!(places, ["E029 3:17"]);
    assert!(said.contains("cannot read workflow `sub/inner.toml`"), "{said}");
    let (_, said) = refused(OUTER, &[("/sub/inner.toml", "")]);
    assert!(said.contains("has 1 error: the file is empty (E003)"), "{said}");
}

#[test]
fn parameters_are_checked_as_if_they_were_given() {
    let with = |params: &str| OUTER.replace("{ n = 3 }", params);
    let files = [("/sub/inner.toml", INNER)];
    for (params, wanted) in [
        ("{ n = 10 }", "`params.n=10` must be at most 9"),
        ("{ n = 'x' }", "`params.n=x` must be an integer"),
        ("{ n = 3, m = 1 }", "`params.m=…` names no parameter"),
        ("{}", "parameter `n` has no default and no value"),
        ("{ n = 3, m = '{{ tasks.a.outputs.count }}' }", "`params.m=…` names no parameter"),
    ] {
        let (_, said) = refused(&format!("{}{MADE}", with(params)), &files);
        assert!(said.contains(wanted), "{params}: {said}");
    }
    assert_eq!(refused(&with("{ n = [1] }"), &files).0, ["E019 3:50"]);
    let known_later = format!("{}{MADE}", with("{ n = '{{ tasks.a.outputs.count }}' }"));
    let (source, checked) = checked_among(&known_later, &[], &files);
    assert!(checked.workflow.is_some(), "{}", render(&source, &checked.diagnostics, false));
}

#[test]
fn the_file_may_come_from_a_parameter_but_not_from_a_task() {
    let by_param = format!(
        "[params]\nf = {{ type = 'string', default = 'sub/inner.toml' }}\n{}",
        OUTER.replace("'sub/inner.toml'", "'{{ params.f }}'")
    );
    let (source, checked) = checked_among(&by_param, &[], &[("/sub/inner.toml", INNER)]);
    assert!(checked.workflow.is_some(), "{}", render(&source, &checked.diagnostics, false));
    let by_task = format!("{MADE}{}", OUTER.replace("'sub/inner.toml'", "'{{ tasks.a.outputs.count }}'"));
    assert_eq!(refused(&by_task, &[]).0, ["E008 6:17"]);
}

#[test]
fn a_workflow_that_contains_itself_is_printed_as_a_path() {
    let runs = |file: &str| format!("[tasks.m]\nuses = 'workflow'\nwith = {{ file = '{file}' }}\n");
    let (places, said) = refused(&runs("w.toml"), &[]);
    assert_eq!(places, ["E030 3:17"]);
    assert!(said.contains("workflows contain each other: w.toml -> w.toml"), "{said}");
    let (_, said) = refused(
        &runs("sub/../a.toml"),
        &[("/a.toml", &runs("./sub/b.toml")), ("/sub/b.toml", &runs("../a.toml"))],
    );
    assert!(said.contains("a.toml -> sub/b.toml -> a.toml (E030)"), "{said}");
    let files: Vec<_> =
        (0..9).map(|at| (format!("/f{at}.toml"), runs(&format!("f{}.toml", at + 1)))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (_, said) = refused(&runs("f0.toml"), &files);
    assert!(said.contains("more than 8 deep: w.toml -> f0.toml"), "{said}");
}

#[test]
fn files_that_run_each_other_many_times_over_are_answered_soon() {
    let runs = |file: &str| -> String {
        (0..10)
            .map(|at| format!("[tasks.m{at}]\nuses = 'workflow'\nwith = {{ file = '{file}' }}\n"))
            .collect()
    };
    let files: Vec<_> =
        (0..6).map(|at| (format!("/f{at}.toml"), runs(&format!("f{}.toml", at + 1)))).collect();
    let mut files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    files.push(("/f6.toml", MADE));
    let (source, checked) = checked_among(runs("f0.toml"), &[], &files);
    let checked =
        checked.workflow.unwrap_or_else(|| panic!("{}", render(&source, &checked.diagnostics, false)));
    let nested = checked.tasks[0].nested.as_ref().expect("it runs another");
    assert_eq!(nested.files.len(), 6, "the plan has every file below it");
    assert_eq!(nested.load(Path::new("/f6.toml")).unwrap(), MADE.as_bytes());
    assert!(nested.load(Path::new("/f7.toml")).is_err());
}
