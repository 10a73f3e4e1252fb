//! Models, their aliases and deployments.

use super::*;

#[test]
fn versions_are_numbered_without_gaps_and_aliases_keep_their_history() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::open(home.path(), SOON).unwrap();
    register(&store);
    let versions = store.versions("m").unwrap();
    assert_eq!(versions.len(), 1);
    for selector in
        [Selector::Alias("champion".into()), Selector::Version(1), Selector::Bundle("b".repeat(64))]
    {
        assert_eq!(store.find_model("m", &selector).unwrap().as_ref(), versions.first(), "{selector}");
    }
    assert_eq!(store.find_model("m", &Selector::Alias("shadow".into())).unwrap(), None);
    let history = store.alias_history("m").unwrap();
    assert_eq!(history.len(), 1);
    let ready =
        Deployment { state: DeploymentState::Ready, ..store.deployments(Some("d")).unwrap()[0].clone() };
    store.record_deployment(ready, Timestamp(7)).unwrap();
    let deployments = store.deployments(None).unwrap();
    assert_eq!(deployments.len(), 1, "a generation has one record");
    assert_eq!((deployments[0].state, deployments[0].updated_at), (DeploymentState::Ready, 7));
}
