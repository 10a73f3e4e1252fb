use super::*;

fn layers(n_tasks: usize) -> String {
    let task = |at: usize| {
        let needs = if at < 50 { String::new() } else { format!("needs = ['t{}']\n", at - 50) };
        format!("[tasks.t{at}]\nuses = 'make'\n{needs}with = {{ n = 1 }}\n\n")
    };
    (0..n_tasks).map(task).collect()
}

#[test]
fn long_files_are_read_in_pieces_with_the_same_result() {
    let text = format!("{}[tasks.t0.env]\nA = '1'\n[hooks.always]\nuses = 'join'\n", layers(10_000));
    assert!(text.len() > 512 << 10, "it has several pieces");
    assert!(pieces::parse(&text).is_none(), "a task that is written in two places needs the whole parser");
    let text = text.replace("[tasks.t0.env]\nA = '1'\n", "");
    let tree = pieces::parse(&text).expect("nothing out of the ordinary");
    assert_eq!(tree.entries.iter().map(|(key, _)| &*key.name).collect::<Vec<_>>(), ["tasks", "hooks"]);
    let checked = workflow(&text);
    assert_eq!(checked.tasks.len(), 10_001);
    assert_eq!(checked.tasks[9_999].needs, [TaskIdx(9_949)]);
    assert_eq!(checked.graph().order().len(), 10_001);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    /// Whatever the file: when the quick way reads it, the whole parser reads the same.
    #[test]
    fn both_ways_of_reading_a_file_agree(lines in proptest::collection::vec(0usize..LINES.len(), 0..12), cut in any::<bool>()) {
        let text: String = lines.iter().map(|at| format!("{}\n", LINES[*at])).collect();
        let mut quick = builder::Builder::new(&text);
        let middle = if cut { text.find("\n[").map_or(text.len(), |at| at + 1) } else { text.len() };
        let read = quick.piece(0..middle).and_then(|()| quick.piece(middle..text.len()));
        if let Some(tree) = read.and_then(|()| quick.finish()) {
            let (whole, errors) = toml::de::DeTable::parse_recoverable(&text);
            prop_assert!(errors.is_empty(), "{}\n{:?}", text, errors);
            let whole = node::Table::from_toml(whole.into_inner());
            prop_assert_eq!(format!("{tree:?}"), format!("{whole:?}"), "{}", text);
        }
    }
}

/// Lines that make files of all kinds, right and wrong.
const LINES: [&str; 35] = [
    "[a]",
    "[a.b]",
    "[a.b.c]",
    "[b]",
    "[c]",
    "[ a . 'b' ]",
    "[[a]]",
    "[[a.c]]",
    "x = 1",
    "y = 'é'",
    r#""x" = 1_0"#,
    "a.b = 1",
    "a = {}",
    "a = { b = 1, c = [1, { d = '' }] }",
    "b = [",
    "[1],",
    "]",
    r#"z = """"#,
    r#"""""#,
    "z = '''\n[a]\n'''",
    "# [a]",
    "x = 0x1F",
    "x = 1e3",
    "x = inf",
    "x = 1979-05-27",
    "x = 99999999999999999999",
    "x = ",
    "= 1",
    "x 1",
    r#"y = "\u00e9\n""#,
    "b = { x = 1, x = 2 }",
    "c = { a.b = 1 }",
    "w = [[1, 2], [true, 'x'],]",
    r#"v = "\q""#,
    "",
];

#[test]
fn mistakes_in_long_files_have_their_places() {
    let text = layers(10_000).replace("[tasks.t9999]\nuses = 'make'", "[tasks.t9999]\nuses = 'mak'");
    let line = text.lines().position(|line| line.contains("'mak'")).expect("it is there") + 1;
    assert_eq!(places(&text), [format!("E010 {line}:8")]);
    let twice = format!("{}[tasks.t0]\nuses = 'make'\n", layers(10_000));
    assert_eq!(places(&twice), [format!("E004 {}:8", twice.lines().count() - 1)]);
    let quoted =
        format!("{}[tasks.q]\nuses = 'join'\nwith = {{ text = '''\n{}''' }}\n", layers(10), layers(10_000));
    assert_eq!(workflow(&quoted).tasks.len(), 11, "what looks like tasks in a text are none");
    let inline = format!("tasks = {{ a = {{ uses = 'make', with = {{ n = 1 }} }} }}\n{}", layers(10_000));
    assert_eq!(places(&inline)[0], "E002 2:2", "what is written in a line cannot be added to");
}

#[test]
fn a_long_chain_is_no_deeper_than_a_short_one() {
    let task =
        |at: usize| format!("[tasks.t{at}]\nuses = 'make'\nneeds = ['t{}']\nwith = {{ n = 1 }}\n", at + 1);
    let chain: String = (0..20_000).map(task).collect();
    let ends = format!("{chain}[tasks.t20000]\nuses = 'make'\nwith = {{ n = 1 }}\n");
    assert_eq!(workflow(&ends).graph().layers().len(), 20_001);
    let bites_its_tail =
        format!("{chain}[tasks.t20000]\nuses = 'make'\nwith = {{ n = 1 }}\nneeds = ['t0']\n");
    assert_eq!(places(&bites_its_tail).len(), 1);
}
