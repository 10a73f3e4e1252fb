//! One function a page.

use maud::{DOCTYPE, html};

use crate::{assets::STYLE, view::*};

macro_rules! first {
    ($($name:ident($view:ty) $title:literal;)*) => {$(
        /// The page.
        pub fn $name(page: &Page, view: &$view) -> String {
            let _ = view;
            let body = html! { main { h1 { ($title) } p { (page.project) } } };
            if page.fragment.is_some() { return body.into_string(); }
            html! { (DOCTYPE) html lang="en" { head { title { ($title) } link rel="stylesheet" href=(STYLE.url); } body { (body) } } }
                .into_string()
        }
    )*};
}

first! {
    overview(Overview) "Overview";
    workflows(Workflows) "Workflows";
    workflow(WorkflowPage) "Workflow";
    runs(Runs) "Runs";
    run(RunPage) "Run";
    task(TaskPage) "Task";
    log(LogPage) "Log";
    compare(Compare) "Compare";
    models(Models) "Models";
    model(ModelPage) "Model";
    deployments(Deployments) "Deployments";
    schedules(Schedules) "Schedules";
    kinds(Kinds) "Kinds";
    kind(KindPage) "Kind";
    system(System) "System";
    login(Login) "Log in";
    error(ErrorPage) "Error";
    api_docs(ApiDocs) "API";
}
