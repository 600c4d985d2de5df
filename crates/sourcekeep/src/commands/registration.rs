//! `sourcekeep registration …`, `sourcekeep feed …`: what an instance does with its hub.

use super::hub::read;
use crate::app::{App, Opened};
use crate::cli::{FeedCommand, FeedImportArgs, FeedUpdateArgs, RegistrationCommand, RegistrationPreviewArgs};
use crate::failure::{Outcome, UsageError};
use crate::{table, terminal};
use ::hub::{
    Act, BUNDLE_BYTES_MAX, Contact, Content, FeedHead, FeedKind, Office, OfficeError, Received, ServerName,
    Severity, Step,
};
use access::SystemClock;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Registration, RegistrationState};

pub(super) async fn run(app: &App, command: RegistrationCommand) -> anyhow::Result<Outcome> {
    match command {
        RegistrationCommand::Preview(args) => {
            let act = act_of(&args)?;
            at_hub(app, async |office| preview(app, office, &act).await).await
        }
        RegistrationCommand::Withdraw => {
            at_hub(app, async |office| preview(app, office, &Act::Withdraw).await).await
        }
        RegistrationCommand::Send(args) => {
            let digest = digest_of(&args.approve)?;
            at_hub(app, async |office| send(app, office, digest).await).await
        }
        RegistrationCommand::Show => show(app).await,
    }
}

pub(super) async fn run_feed(app: &App, command: FeedCommand) -> anyhow::Result<Outcome> {
    match command {
        FeedCommand::Update(args) => at_hub(app, async |office| update(app, office, &args).await).await,
        FeedCommand::Import(args) => import(app, &args).await,
        FeedCommand::Show => {
            let (_opened, office) = office(app).await?;
            let taken = office.taken().await?;
            tell(app, taken.iter().map(|(head, content)| (head, content, None)).collect());
            Ok(if taken.is_empty() { Outcome::NothingFound } else { Outcome::Done })
        }
    }
}

/// The office for the configured hub.
async fn office(app: &App) -> anyhow::Result<(Opened, Office)> {
    let opened = app.create().await?;
    let hub = opened.config.hub.address().map_err(UsageError::new)?.ok_or_else(|| {
        UsageError::new(
            "no hub is configured; set hub.key, and hub.url where it is to be asked (docs/hub.md)",
        )
    })?;
    let office = Office::new(opened.store.clone(), opened.egress.clone(), hub, Arc::new(SystemClock));
    Ok((opened, office))
}

/// Something for which connections are opened: their ends are written down before the process ends.
async fn at_hub(
    app: &App,
    act: impl AsyncFnOnce(&Office) -> anyhow::Result<Outcome>,
) -> anyhow::Result<Outcome> {
    let (opened, office) = office(app).await?;
    if opened.config.hub.url.is_none() {
        return Err(UsageError::new("no hub is configured to be asked; set hub.url (docs/hub.md)").into());
    }
    let done = act(&office).await;
    drop(office);
    opened.settle_egress().await;
    done
}

fn act_of(args: &RegistrationPreviewArgs) -> anyhow::Result<Act> {
    let usage = |error: ::hub::BadWords| UsageError::new(error.to_string());
    let name = ServerName::new(&args.name).map_err(usage)?;
    let contact = args.contact.as_deref().map(Contact::new).transpose().map_err(usage)?;
    Ok(Act::Register { name, contact })
}

fn digest_of(text: &str) -> anyhow::Result<[u8; 32]> {
    let digest = ::hub::Fingerprint::parse(text);
    let digest =
        digest.ok_or_else(|| UsageError::new("--approve takes the 64 digits that the preview printed"))?;
    Ok(digest.0)
}

async fn preview(app: &App, office: &Office, act: &Act) -> anyhow::Result<Outcome> {
    let preview = office.preview(act).await?;
    let digest = hex(&preview.digest);
    match app.common.json {
        true => terminal::print_json(&json!({
            "url": preview.url, "method": "POST", "body": preview.statement.0, "sha256": digest,
        })),
        false => {
            terminal::print_line(format_args!("These {} bytes would be sent:\n", preview.statement.0.len()));
            terminal::print_line(&preview.statement.0);
            terminal::print_line(format_args!(
                "To {}. Until now only a challenge was asked for. To send exactly this, once:\n",
                preview.url
            ));
            terminal::print_line(format_args!("  sourcekeep registration send --approve {digest}"));
        }
    }
    Ok(Outcome::Done)
}

async fn send(app: &App, office: &Office, digest: [u8; 32]) -> anyhow::Result<Outcome> {
    let receipt = match office.send(digest).await {
        Err(error @ (OfficeError::NotShown | OfficeError::OtherHub)) => {
            return Err(UsageError::new(error.to_string()).into());
        }
        sent => sent?,
    };
    match app.common.json {
        true => terminal::print_json(&json!({
            "act": receipt.act, "key_id": receipt.instance.to_string(), "at_ms": receipt.at.0,
        })),
        false if !app.common.quiet => terminal::print_line(format_args!(
            "The hub took it ({}) at {}, and signed a receipt: sourcekeep registration show",
            receipt.act,
            server::moment(receipt.at.0)
        )),
        false => {}
    }
    Ok(Outcome::Done)
}

async fn show(app: &App) -> anyhow::Result<Outcome> {
    let opened = app.open().await?;
    let sent = opened.store.registrations().await?;
    match app.common.json {
        true => terminal::print_json(&sent.iter().map(registration_shape).collect::<Value>()),
        false => {
            for (idx, one) in sent.iter().enumerate() {
                if idx > 0 {
                    terminal::print_line("");
                }
                let when = server::moment(one.made_at.0);
                terminal::print_line(format_args!(
                    "{} · {} · {when} · to {}",
                    one.act,
                    one.state.word(),
                    one.hub
                ));
                terminal::print_line(format_args!("SHA-256 {}\n\n{}", hex(&one.digest), one.statement));
                if let Some(answer) = &one.answer {
                    terminal::print_line(format_args!("The answer:\n\n{}", terminal::harmless_lines(answer)));
                }
            }
        }
    }
    let is_any = sent.iter().any(|one| one.state != RegistrationState::Shown);
    Ok(if is_any { Outcome::Done } else { Outcome::NothingFound })
}

fn registration_shape(one: &Registration) -> Value {
    json!({
        "act": one.act, "state": one.state.word(), "hub": one.hub, "made_ms": one.made_at.0, "sha256": hex(&one.digest),
        "body": one.statement, "answered_ms": one.answered_at.map(|at| at.0), "answer": one.answer,
    })
}

async fn update(app: &App, office: &Office, args: &FeedUpdateArgs) -> anyhow::Result<Outcome> {
    let kinds: Vec<FeedKind> = match args.only.is_empty() {
        true => FeedKind::ALL.into(),
        false => args.only.iter().map(|name| FeedKind::from(*name)).collect(),
    };
    let received = office.update(&kinds).await?;
    tell_received(app, &received);
    Ok(if received.is_empty() { Outcome::NothingFound } else { Outcome::Done })
}

async fn import(app: &App, args: &FeedImportArgs) -> anyhow::Result<Outcome> {
    let bytes = read(&app.current_dir.join(&args.file), BUNDLE_BYTES_MAX)
        .map_err(|error| UsageError::new(format!("{}: {error}", args.file.display())))?;
    let (_opened, office) = office(app).await?;
    tell_received(app, &office.import(&bytes).await?);
    Ok(Outcome::Done)
}

fn tell_received(app: &App, received: &[Received]) {
    tell(app, received.iter().map(|one| (&one.head, &one.content, Some(one.step))).collect());
}

/// Feeds, and whether each is new.
fn tell(app: &App, feeds: Vec<(&FeedHead, &Content, Option<Step>)>) {
    if app.common.json {
        let shape = |(head, content, step): &(&FeedHead, &Content, Option<Step>)| {
            json!({
                "feed": head.kind.word(), "sequence": head.sequence, "issued_ms": head.issued.0,
                "expires_ms": head.expires.0, "entries": content.len(), "says": says(content),
                "new": step.map(|step| step == Step::New),
            })
        };
        terminal::print_json(&feeds.iter().map(shape).collect::<Value>());
        return;
    }
    if app.common.quiet {
        return;
    }
    let row = |(head, content, step): &(&FeedHead, &Content, Option<Step>)| {
        let step = match step {
            Some(Step::New) => "new",
            Some(Step::Same) => "as before",
            None => "",
        };
        vec![
            head.kind.to_string(),
            head.sequence.to_string(),
            server::moment(head.issued.0),
            server::moment(head.expires.0),
            says(content),
            step.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = feeds.iter().map(row).collect();
    table::print(&["FEED", "NUMBER", "SIGNED", "HOLDS UNTIL", "SAYS", ""], &rows);
}

/// What a feed says, in some words.
fn says(content: &Content) -> String {
    match content {
        Content::Advisories(list) => terminal::counted(list.len() as u64, "advisory", "advisories"),
        Content::Rules(list) => terminal::counted(list.len() as u64, "pack", "packs"),
        Content::Releases(list) => match list.iter().max_by_key(|release| release.order()) {
            None => "no release".to_owned(),
            Some(newest) => {
                let own = ::hub::Release::order_of(env!("CARGO_PKG_VERSION"));
                let newer = list.iter().filter(|release| release.order() > own);
                match newer.map(|release| release.severity).max() {
                    None => format!("newest is {}; this is not older", newest.version),
                    Some(Severity::None) => format!("newest is {}", newest.version),
                    Some(worst) => {
                        format!("newest is {}; mends faults up to {}", newest.version, worst.word())
                    }
                }
            }
        },
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
