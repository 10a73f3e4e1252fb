use super::*;

fn each(for_each: &str, rest: &str) -> String {
    format!("{MADE}for_each = {for_each}\n{rest}")
}

#[test]
fn items_are_a_list_an_expression_or_a_matrix() {
    let checked = workflow(
        "[params]\nsizes = { type = 'string', default = 'x' }\n\
         [tasks.find]\nuses = 'make'\nwith = { n = 1 }\n\
         [tasks.a]\nuses = 'make'\nfor_each = [1, 2]\nwith = { n = '{{ item }}' }\n\
         [tasks.b]\nuses = 'make'\nfor_each = '{{ tasks.find.outputs.count }}'\nwith = { n = 1, columns = ['{{ item.name }}'] }\n\
         [tasks.c]\nuses = 'make'\nfor_each = { c = [0.1, 1], kernel = '{{ [params.sizes] }}' }\nwith = { n = 1 }\nwhen = 'item.c > 0.5'\nenv = { K = '{{ item.kernel }}' }\n",
    );
    let [_, a, b, c] = checked.tasks.as_slice() else { panic!("four tasks") };
    assert_eq!(a.for_each, Some(serde_json::json!([1, 2])));
    assert_eq!(b.for_each, Some(serde_json::json!("{{ tasks.find.outputs.count }}")));
    assert_eq!(b.mentions, [TaskIdx(0)], "its items come from there");
    assert_eq!(c.for_each, Some(serde_json::json!({ "c": [0.1, 1], "kernel": "{{ [params.sizes] }}" })));
}

#[test]
fn mistakes_in_items_have_their_code_and_place() {
    let numbers = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let cases: &[(String, &[&str])] = &[
        (each("3", ""), &["E007 4:12"]),
        (each("'abc'", ""), &["E007 4:12"]),
        (each("'a {{ [1] }}'", ""), &["E007 4:12"]),
        (each("'{{ 1 + }}'", ""), &["E023 4:18"]),
        (each("'{{ item }}'", ""), &["E024 4:16"]),
        (each("'{{ 3 }}'", ""), &["E007 4:12"]),
        (each("{}", ""), &["E008 4:12"]),
        (each("{ c = 1, d = 'x' }", ""), &["E007 4:18", "E007 4:25"]),
        (each("[nan]", ""), &["E008 4:12"]),
        (each(&format!("[{}]", numbers(10_001)), ""), &["E008 4:12"]),
        (each(&format!("{{ a = [{0}], b = [{0}] }}", numbers(101)), ""), &["E008 4:12"]),
        (each("{ c = [1] }", "when = 'item.d > 1'"), &["E024 5:14"]),
        (each("[{ c = 1 }, { d = 1 }]", "when = 'item.e > 1 and item.c > item.d'"), &["E024 5:14"]),
        (format!("{MADE}when = 'item > 1'"), &["E024 4:9"]),
        (each("'{{ tasks.a.outputs.count }}'", ""), &["E017 4:22"]),
    ];
    for (text, wanted) in cases {
        assert_eq!(places(text), *wanted, "{}", &text[..text.len().min(300)]);
    }
}

#[test]
fn outputs_of_items_are_joined_or_arrive_one_by_one() {
    let join = "[tasks.j]\nuses = 'join'\ninputs = { count = 'a.count', table = 'a' }\n";
    let checked = workflow(&each("[1, 2]", join));
    let inputs = &checked.tasks[1].inputs;
    assert_eq!((inputs["count"].port_type, inputs["table"].port_type), (PortType::Value, PortType::Table));
    let take = "[tasks.t]\nuses = 'take'\ninputs = { table = 'a' }\n";
    assert_eq!(places(&each("[1, 2]", take)), ["E027 7:20"]);
    assert_eq!(places(&each("[1, 2]", "[outputs]\nn = 'a.count'\nall = 'a'\n")), ["E027 7:7"]);
}

#[test]
fn columns_are_not_followed_through_items() {
    let text = "[tasks.a]\nuses = 'take'\nfor_each = ['x', 'z']\ninputs = { table = 'm' }\nwith = { column = '{{ item }}' }\n";
    workflow(&format!("{}{text}", MADE.replace("tasks.a", "tasks.m")));
}
