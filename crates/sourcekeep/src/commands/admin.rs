//! `sourcekeep admin …`

use crate::app::App;
use crate::cli::{AdminCommand, PasswordRule, RotateKeyArgs};
use crate::failure::Outcome;
use crate::terminal;
use store::Store;

pub(super) async fn run(app: &App, command: AdminCommand) -> anyhow::Result<Outcome> {
    match command {
        AdminCommand::RotateKey(args) => rotate_key(app, args).await,
        AdminCommand::Passwords { rule } => {
            let store = app.open().await?.store;
            store.set_password_beside_provider(rule == PasswordRule::Allow).await?;
            let word = if rule == PasswordRule::Allow { "may" } else { "may not" };
            say(
                app,
                &format!("Accounts that are linked with an identity provider {word} sign in with a password"),
            );
            Ok(Outcome::Done)
        }
    }
}

async fn rotate_key(app: &App, args: RotateKeyArgs) -> anyhow::Result<Outcome> {
    let store = app.open().await?.store;
    if args.drop_old {
        let n_dropped = store.drop_old_keys().await?;
        say(app, &format!("Dropped {n_dropped} old keys from {}", store.vault().source_name()));
        return Ok(Outcome::Done);
    }
    if !args.reseal_only {
        let key = store.rotate_key().await?;
        say(app, &format!("New master key {key} in {}: back it up", store.vault().source_name()));
    }
    let n_resealed = reseal(&store).await?;
    say(app, &format!("Sealed {n_resealed} values anew. Old keys stay valid until `--drop-old`"));
    Ok(Outcome::Done)
}

/// Seals anew until nothing is left.
async fn reseal(store: &Store) -> anyhow::Result<u64> {
    let mut n_resealed = 0;
    loop {
        let step = store.reseal_step().await?;
        n_resealed += step.n_done;
        if step.n_left == 0 || step.n_done == 0 {
            return Ok(n_resealed);
        }
    }
}

fn say(app: &App, text: &str) {
    if !app.common.quiet {
        terminal::eprint_line(format_args!("{text}"));
    }
}
