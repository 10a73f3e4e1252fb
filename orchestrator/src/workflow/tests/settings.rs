use sluicegate_plugin::Resources;

use super::*;

#[test]
fn the_settings_of_a_workflow_and_its_tasks_are_read() {
    let checked = workflow(
        "timeout = '2h'\n[pools]\ngpu = 2\ndb = { slots = 1 }\n\
         [tasks.a]\nuses = 'make'\nwith = { n = 1 }\ncontinue_on_failure = true\npool = { name = 'gpu', slots = 2 }\nmutex = 'm'\npriority = -5\n\
         resources = { memory = '2GiB', cpus = 0.5 }\n\
         secrets = { A = { env = 'X' }, B = { file = 'b.txt' }, C = { command = ['pass', 'show', 'c'] } }\n\
         retry = { attempts = 3, on = { exit_codes = [75], signal = true, text = 'try (again|later)' } }\n\
         [tasks.b]\nuses = 'take'\ninputs = { table = 'a' }\npool = 'shared'\n",
    );
    assert_eq!(checked.timeout, Some(7200.0));
    assert_eq!(checked.pools, BTreeMap::from([("db".to_owned(), 1), ("gpu".to_owned(), 2)]));
    let [a, b] = checked.tasks.as_slice() else { panic!("two tasks") };
    assert!(a.continue_on_failure && !b.continue_on_failure);
    assert_eq!(a.pool, Some(PoolUse { name: "gpu".into(), slots: 2 }));
    assert_eq!(b.pool, Some(PoolUse { name: "shared".into(), slots: 1 }));
    assert_eq!((a.mutex.as_deref(), a.priority), (Some("m"), -5));
    assert_eq!(a.resources, Resources { memory: Some(2 << 30), cpus: Some(0.5) });
    assert_eq!(a.secrets["A"], SecretSource::Env("X".into()));
    assert_eq!(a.secrets["B"], SecretSource::File("b.txt".into()));
    assert_eq!(a.secrets["C"], SecretSource::Command(["pass", "show", "c"].map(String::from).into()));
    let on = a.retry.on.as_ref().expect("it is given");
    assert_eq!((on.exit_codes.as_slice(), on.signal, on.timeout), ([75].as_slice(), true, false));
    assert_eq!(on.text.as_deref(), Some("try (again|later)"));
    let kept: Workflow = serde_json::from_value(serde_json::to_value(&checked).unwrap()).unwrap();
    assert_eq!(kept, checked);
}

#[test]
fn mistakes_in_settings_have_their_code_and_place() {
    let cases: &[(&str, &[&str])] = &[
        ("timeout = 0\nMADE", &["E008 1:11"]),
        ("MADE[pools]\ngpu = 0", &["E008 5:7"]),
        ("MADE[pools]\ngpu = { slots = 10001 }", &["E008 5:17"]),
        ("MADE[pools]\ngpu = {}", &["E009 5:7"]),
        ("MADE[pools]\ngpu = 'two'\n'a b' = 1", &["E007 5:7", "E011 6:1"]),
        ("MADE[pools]\nshared = 1", &["E004 5:1"]),
        ("MADEpool = 'gpu'", &["E028 4:8"]),
        ("MADEpool = { name = 'shared', slots = 5 }", &["E008 4:8"]),
        ("MADEpool = { slots = 1 }", &["E009 4:8"]),
        ("MADEpool = 3", &["E007 4:8"]),
        ("MADEmutex = ''", &["E011 4:9"]),
        ("MADEpriority = 1001", &["E008 4:12"]),
        ("MADEresources = { memory = '1kB', cpus = 0 }", &["E008 4:24", "E008 4:38"]),
        ("MADEresources = { memory = 'much', disk = 1 }", &["E008 4:24", "E005 4:32"]),
        ("MADEresources = { memory = true }", &["E007 4:24"]),
        ("MADEsecrets = { A = 'swordfish' }", &["E007 4:17"]),
        ("MADEsecrets = { A = {} , 'a-b' = { env = 'X' } }", &["E008 4:17", "E011 4:22"]),
        ("MADEsecrets = { A = { env = 'X', file = 'y' } }", &["E008 4:17"]),
        ("MADEsecrets = { A = { command = [] }, B = { command = [''] } }", &["E008 4:29", "E008 4:52"]),
        ("MADEsecrets = { A = { env = '{{ params.x }}' } }", &["E008 4:25"]),
        ("MADEenv = { A = 'x' }\nsecrets = { A = { env = 'X' } }", &["E004 5:13"]),
        ("MADEcontinue_on_failure = 1", &["E007 4:23"]),
        ("MADEretry = { on = {} }", &["E008 4:16"]),
        ("MADEretry = { on = { exit_codes = [256], text = '(' } }", &["E008 4:32", "E008 4:45"]),
        ("MADEretry = { on = { exit_codes = 75, colour = 1 } }", &["E007 4:31", "E005 4:35"]),
        ("[defaults]\npool = 'gpu'\npriority = 'high'\nMADE", &["E028 2:8", "E007 3:12"]),
        ("[defaults]\nsecrets = { A = { env = 'X' } }\nMADEenv = { A = 'x' }", &["E004 6:9"]),
        ("[defaults]\nmutex = 'm'\nMADE", &["E005 2:1"]),
    ];
    for (text, wanted) in cases {
        let text = text.replace("MADE", MADE);
        assert_eq!(places(&text), *wanted, "{text}");
    }
}

#[test]
fn defaults_are_filled_in_key_by_key() {
    let checked = workflow(
        "[defaults]\nresources = { memory = '1GiB', cpus = 2 }\nsecrets = { A = { env = 'X' } }\npool = 'shared'\npriority = 3\ncontinue_on_failure = true\n\
         [tasks.a]\nuses = 'make'\nwith = { n = 1 }\n\
         [tasks.b]\nuses = 'make'\nwith = { n = 1 }\nresources = { cpus = 1 }\nsecrets = { B = { env = 'Y' } }\npriority = 0\ncontinue_on_failure = false\n\
         [hooks.always]\nuses = 'join'\n",
    );
    let [a, b, hook] = checked.tasks.as_slice() else { panic!("two tasks and a hook") };
    assert_eq!((a.resources.memory, a.resources.cpus), (Some(1 << 30), Some(2.0)));
    assert_eq!((b.resources.memory, b.resources.cpus), (Some(1 << 30), Some(1.0)));
    assert_eq!(b.secrets.keys().collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!((a.priority, b.priority), (3, 0));
    assert!(a.continue_on_failure && !b.continue_on_failure);
    assert!(!hook.continue_on_failure, "a hook is behind the run's end, whatever becomes of it");
    assert_eq!(hook.pool.as_ref().map(|pool| pool.name.as_str()), Some("shared"));
}

#[test]
fn hooks_are_tasks_behind_all_others_without_edges() {
    let text = format!(
        "[hooks.failure]\nuses = 'join'\nwith = {{ text = '{{{{ run.status }}}}: {{{{ tasks.a.status }}}}' }}\nretry = {{ attempts = 2 }}\n\
         [hooks.always]\nuses = 'join'\n{MADE}"
    );
    let checked = workflow(&text);
    let [a, failure, always] = checked.tasks.as_slice() else { panic!("a task and two hooks") };
    assert_eq!((a.name.as_str(), a.hook), ("a", None));
    assert_eq!((failure.name.as_str(), failure.hook), ("hooks.failure", Some(Hook::Failure)));
    assert_eq!((always.name.as_str(), always.hook), ("hooks.always", Some(Hook::Always)));
    assert_eq!(failure.mentions, [TaskIdx(0)], "so that its expressions know the task");
    assert!(!failure.cache && failure.retry.attempts == 2);
    let graph = checked.graph();
    assert_eq!(graph.edges().count(), 0);
    assert_eq!(graph.layers(), [vec![TaskIdx(0)], vec![TaskIdx(1), TaskIdx(2)]]);
}

#[test]
fn mistakes_in_hooks_have_their_code_and_place() {
    let cases: &[(&str, &[&str])] = &[
        ("MADE[hooks.sucess]\nuses = 'join'", &["E005 4:8"]),
        ("MADE[hooks.success]\nuse = 'join'", &["E009 4:8", "E005 5:1"]),
        ("MADE[hooks.success]\nuses = 'join'\nneeds = ['a']\ncache = true", &["E005 6:1", "E005 7:1"]),
        ("MADE[hooks.success]\nuses = 'join'\nwith = { text = '{{ tasks.b.status }}' }", &["E012 6:27"]),
        ("MADEwhen = \"run.status == 'succeeded'\"", &["E024 4:13"]),
        ("MADEneeds = ['hooks.always']\n[hooks.always]\nuses = 'join'", &["E012 4:10"]),
        ("hooks = 3\nMADE", &["E007 1:9"]),
        ("hooks = { always = 3 }\nMADE", &["E007 1:20"]),
    ];
    for (text, wanted) in cases {
        let text = text.replace("MADE", MADE);
        assert_eq!(places(&text), *wanted, "{text}");
    }
}

#[test]
fn a_project_has_pools_and_folders_with_plugins_and_nothing_else() {
    let source = |text: &str| Source { name: "sluice.toml".into(), bytes: text.into() };
    for text in ["", "# only a mark\n"] {
        assert_eq!(check_project(&source(text)), (Project::default(), Vec::new()));
    }
    let (project, found) = check_project(&source("[pools]\ngpu = 2\n"));
    assert_eq!((project.pools["gpu"], found.len()), (2, 0));
    let (project, found) = check_project(&source("[plugins]\nfolders = [\"mine\", \"../ours\"]\n"));
    assert_eq!((project.plugin_folders, found.len()), (vec!["mine".into(), "../ours".into()], 0));
    let broken = source("[plugins]\nfolder = \"mine\"\nfolders = 1\n");
    assert_eq!(places_of(&broken, &check_project(&broken).1), ["E005 2:1", "E007 3:11"]);
    let broken = source("pool = 1\n[pools]\ngpu = -1\n");
    assert_eq!(places_of(&broken, &check_project(&broken).1), ["E005 1:1", "E008 3:7"]);
    let broken = source("[pools");
    assert_eq!(places_of(&broken, &check_project(&broken).1), ["E002 1:7"]);
}

#[test]
fn the_schema_for_editors_has_every_key_and_no_other() {
    let schema = editor_schema(catalog().as_ref());
    let keys_at = |pointer: &str| -> BTreeSet<String> {
        schema.pointer(pointer).and_then(|found| found.as_object()).expect(pointer).keys().cloned().collect()
    };
    let set = |keys: &[&str]| -> BTreeSet<String> { keys.iter().map(|key| (*key).to_owned()).collect() };
    assert_eq!(keys_at("/properties"), set(&check::KEYS));
    assert_eq!(keys_at("/properties/defaults/properties"), set(&defaults::KEYS));
    assert_eq!(keys_at("/properties/hooks/properties"), set(&Hook::ALL.map(|(name, _)| name)));
    assert_eq!(keys_at("/definitions/task/properties"), set(&task::KEYS));
    assert_eq!(keys_at("/definitions/hook/properties"), set(&task::HOOK_KEYS));
    let (of_schedule, of_trigger) =
        ("/properties/schedule/anyOf/0/properties", "/properties/trigger/anyOf/0/properties");
    assert_eq!(keys_at(of_schedule), set(&schedule::SCHEDULE_KEYS));
    assert_eq!(keys_at(of_trigger), set(&schedule::TRIGGER_KEYS));
    for (event, keys) in [
        ("run", &schedule::RUN_KEYS[..]),
        ("webhook", &schedule::WEBHOOK_KEYS),
        ("files", &schedule::FILES_KEYS),
    ] {
        assert_eq!(keys_at(&format!("{of_trigger}/{event}/properties")), set(keys));
    }
}
