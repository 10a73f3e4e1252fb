//! `tokens add|list|remove`: who may use the daemon.

use serde_json::json;

use super::{
    args::{Format, RoleArg, TokenAddArgs, TokensCommand},
    exit::Exit,
    out::{Out, Style},
    table::{TextTable, local, rfc3339},
};
use crate::app::{App, AppError, Role};

pub(super) fn tokens(app: &App, command: TokensCommand, out: &mut Out) -> Result<Exit, AppError> {
    match command {
        TokensCommand::Add(args) => add(app, &args, out)?,
        TokensCommand::List(format) => list(app, format.format, out)?,
        TokensCommand::Remove(args) => {
            app.remove_token(&args.name)?;
            out.line(&format!("removed token `{}`", args.name));
        }
    }
    Ok(Exit::Succeeded)
}

fn add(app: &App, args: &TokenAddArgs, out: &mut Out) -> Result<(), AppError> {
    let role = match args.role {
        RoleArg::Viewer => Role::Viewer,
        RoleArg::Operator => Role::Operator,
        RoleArg::Admin => Role::Admin,
    };
    let token = app.add_token(&args.name, role)?;
    if args.format.format == Format::Json {
        out.json(&json!({ "name": args.name, "role": role, "token": token }));
        return Ok(());
    }
    out.line(&token);
    out.note(&format!(
        "token `{}` for a {role}; it is shown this once, and only its hash is kept",
        args.name
    ));
    Ok(())
}

fn list(app: &App, format: Format, out: &mut Out) -> Result<(), AppError> {
    let tokens = app.tokens()?;
    if format == Format::Json {
        let view = |token: &crate::app::TokenInfo| json!({ "name": token.name, "role": token.role, "created_at": rfc3339(token.created_at) });
        out.json(&tokens.iter().map(view).collect::<Vec<_>>());
        return Ok(());
    }
    if tokens.is_empty() {
        out.line("no tokens yet; `sluice tokens add NAME --role viewer` makes one");
        return Ok(());
    }
    let mut table = TextTable::new(&["TOKEN", "ROLE", "MADE"]);
    for token in &tokens {
        table.row(vec![
            (Style::Plain, token.name.clone()),
            (Style::Plain, token.role.to_string()),
            (Style::Dim, local(token.created_at)),
        ]);
    }
    table.print(out);
    Ok(())
}
