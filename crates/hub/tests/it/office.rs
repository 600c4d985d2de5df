//! The instance's end, and a hub that says anything: what is not the pinned hub's, not now, not for this server or not in
//! bounds is not taken, and what was taken before stays.

use crate::world::{DAY, NOW, World, YEAR, block_on};
use access::Timestamp;
use egress::Egress;
use hub::{
    Act, Challenge, Content, Desk, FEED_BYTES_MAX, FeedHead, FeedKind, FeedRefusal, HubAddress, Office,
    OfficeError, Receipt, Refusal, ServerName, SignedFeed, Step, bundle,
};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use store::RegistrationState;
use tlog::{Signed, SigningKey};

const BODY: &[u8] = br#"{"advisories":[{"id":"A-1","modified":"2026-11-01T00:00:00Z"}]}"#;

/// What a path is answered with: status and body. What was asked, byte for byte but for bodies.
type Answers = Arc<Mutex<BTreeMap<&'static str, (u16, Vec<u8>)>>>;
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A hub that answers whatever it is told to.
struct FalseHub {
    address: SocketAddr,
    answers: Answers,
    asked: Asked,
    key: SigningKey,
}

impl FalseHub {
    fn start() -> FalseHub {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (answers, asked) = (Answers::default(), Asked::default());
        let (told, noted) = (Arc::clone(&answers), Arc::clone(&asked));
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let (told, noted) = (Arc::clone(&told), Arc::clone(&noted));
                std::thread::spawn(move || answer(stream, &told, &noted));
            }
        });
        FalseHub { address, answers, asked, key: SigningKey::new("hub.example/hub", &[1; 32]).unwrap() }
    }

    fn says(&self, path: &'static str, status: u16, body: impl Into<Vec<u8>>) {
        self.answers.lock().unwrap().insert(path, (status, body.into()));
    }

    fn publishes(&self, head: &FeedHead, body: &[u8]) {
        self.says("/feeds/v1/advisories.json.note", 200, head.sign(&self.key).0);
        self.says("/feeds/v1/advisories.json", 200, body);
    }

    fn challenges(&self) {
        let challenge = Challenge { nonce: [3; 16], issued: NOW };
        self.says("/hub/v1/challenge", 200, challenge.sign(&self.key).0);
    }

    /// An instance that pinned this hub's key.
    fn office(&self, world: &World) -> Office {
        let hub = HubAddress {
            url: format!("http://{}", self.address),
            key: self.key.verifying_key(),
            networks: vec!["127.0.0.0/8".parse().unwrap()],
        };
        Office::new(world.store.clone(), Egress::unrecorded(), hub, world.clock.clone())
    }
}

/// One connection: requests until its other end has enough.
fn answer(stream: TcpStream, answers: &Answers, asked: &Asked) -> Option<()> {
    let mut to = stream.try_clone().ok()?;
    let mut from = BufReader::new(stream);
    loop {
        let (mut head, mut n_body) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        for line in head.lines() {
            if let Some(length) = line.strip_prefix("content-length: ") {
                n_body = length.parse().ok()?;
            }
        }
        let mut body = vec![0; n_body];
        from.read_exact(&mut body).ok()?;
        let path = head.split(' ').nth(1)?.to_owned();
        asked.lock().unwrap().push((head, body));
        let (status, body) = answers.lock().unwrap().get(path.as_str()).cloned().unwrap_or((404, Vec::new()));
        to.write_all(format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes())
            .ok()?;
        to.write_all(&body).ok()?;
    }
}

fn head(sequence: u64) -> FeedHead {
    FeedHead::of(FeedKind::Advisories, sequence, NOW, 30 * DAY, BODY)
}

fn register() -> Act {
    Act::Register { name: ServerName::new("Code").unwrap(), contact: None }
}

async fn update(office: &Office) -> Result<Step, OfficeError> {
    Ok(office.update(&[FeedKind::Advisories]).await?.first().expect("it is published").step)
}

#[track_caller]
fn is_refused(result: Result<Step, OfficeError>, expected: &FeedRefusal) {
    match result {
        Err(OfficeError::Feed(refusal)) => assert_eq!(&refusal, expected),
        other => panic!("{other:?} is not {expected:?}"),
    }
}

#[test]
fn feeds_are_fetched_and_kept() {
    block_on(async {
        let (world, hub) = (World::new().await, FalseHub::start());
        let office = hub.office(&world);
        assert!(office.update(&FeedKind::ALL).await.unwrap().is_empty(), "nothing is published");
        hub.publishes(&head(1), BODY);
        assert_eq!(update(&office).await.unwrap(), Step::New);
        assert_eq!(update(&office).await.unwrap(), Step::Same);
        let taken = office.taken().await.unwrap();
        assert!(
            matches!(&taken[..], [(head, Content::Advisories(list))] if head.sequence == 1 && list.len() == 1)
        );
    });
}

/// H-feed-unsigned, H-feed-rollback, H-feed-clock, H-feed-oversized
#[test]
fn a_hub_that_says_anything() {
    block_on(async {
        let (world, hub) = (World::new().await, FalseHub::start());
        let office = hub.office(&world);
        let kind = FeedKind::Advisories;
        hub.publishes(&head(7), BODY);
        update(&office).await.unwrap();
        let note = "/feeds/v1/advisories.json.note";

        hub.says(note, 200, "{}");
        is_refused(update(&office).await, &FeedRefusal::NotSigned(kind));
        hub.says(note, 200, vec![0xff; 100]);
        is_refused(update(&office).await, &FeedRefusal::NotSigned(kind));
        let other = SigningKey::new("hub.example/hub", &[2; 32]).unwrap();
        hub.says(note, 200, head(8).sign(&other).0);
        is_refused(update(&office).await, &FeedRefusal::NotSigned(kind));
        hub.publishes(&head(6), BODY);
        is_refused(update(&office).await, &FeedRefusal::RolledBack { kind, found: 6, known: 7 });
        // The file is another one than the note's: asked for twice, then refused.
        hub.publishes(&head(8), &BODY.to_ascii_lowercase());
        is_refused(update(&office).await, &FeedRefusal::OtherFile(kind));
        // Much longer than the note says, and a note that says too much: neither is buffered.
        hub.publishes(&head(8), &vec![b' '; 1 << 20]);
        let long = update(&office).await;
        assert!(matches!(long, Err(OfficeError::Send(_))), "{long:?}");
        hub.publishes(&FeedHead { n_bytes: FEED_BYTES_MAX as u64 + 1, ..head(8) }, BODY);
        is_refused(update(&office).await, &FeedRefusal::TooLong(kind));
        hub.says(note, 200, vec![b'a'; 1 << 20]);
        let long = update(&office).await;
        assert!(matches!(long, Err(OfficeError::Send(_))), "{long:?}");
        hub.says(note, 302, "");
        assert!(matches!(update(&office).await, Err(OfficeError::Answer { status: 302, .. })));

        hub.publishes(&head(8), BODY);
        world.clock.set(NOW.plus(YEAR));
        is_refused(update(&office).await, &FeedRefusal::Stale(kind));
        world.clock.set(NOW.minus(YEAR));
        // What is here was signed at NOW: the clock is known to be behind, and the feed is not from the future.
        assert_eq!(update(&office).await.unwrap(), Step::New);
        world.clock.set(NOW);
        assert_eq!(update(&office).await.unwrap(), Step::Same);
        assert_eq!(office.taken().await.unwrap()[0].0.sequence, 8, "all that was refused changed nothing");
    });
}

#[test]
fn bundles_are_taken_whole_and_with_the_same_checks() {
    block_on(async {
        let (world, hub) = (World::new().await, FalseHub::start());
        let office = hub.office(&world);
        let releases = br#"{"releases":[]}"#;
        let signed = |head: &FeedHead, body: &[u8]| SignedFeed {
            kind: head.kind,
            note: head.sign(&hub.key),
            body: body.to_vec(),
        };
        let older = FeedHead::of(FeedKind::Releases, 3, NOW, 30 * DAY, releases);
        let whole = bundle(&[signed(&head(1), BODY), signed(&older, releases)]);
        assert_eq!(office.import(&whole).await.unwrap().len(), 2);
        // One of the two goes back: neither is taken.
        let back = FeedHead { sequence: 2, ..older };
        let mixed = bundle(&[signed(&head(2), BODY), signed(&back, releases)]);
        assert!(matches!(
            office.import(&mixed).await,
            Err(OfficeError::Feed(FeedRefusal::RolledBack { .. }))
        ));
        assert!(office.taken().await.unwrap().iter().all(|(head, _)| head.sequence != 2));
        for at in (0..whole.len()).step_by(7) {
            let mut changed = whole.clone();
            changed[at] ^= 4;
            assert!(office.import(&changed).await.is_err(), "{at}");
        }
        world.clock.set(NOW.plus(30 * DAY));
        assert!(matches!(office.import(&whole).await, Err(OfficeError::Feed(FeedRefusal::Stale(_)))));
        assert!(hub.asked.lock().unwrap().is_empty(), "nothing was asked for");
    });
}

/// H-receipt
#[test]
fn receipts_that_are_not_for_this() {
    block_on(async {
        let (world, hub) = (World::new().await, FalseHub::start());
        let office = hub.office(&world);
        let own = world.store.instance_signer(store::SignerRole::Registration).await.unwrap().unwrap();
        let receipt = |statement: [u8; 32], key: [u8; 32], at: Timestamp| Receipt {
            act: "register".into(),
            instance: hub::Fingerprint::of(&key),
            statement,
            at,
        };
        hub.challenges();
        let mut earlier = None;
        for case in ["unsigned", "another key", "another server", "replayed", "long", "true"] {
            let preview = office.preview(&register()).await.unwrap();
            let right = receipt(preview.digest, own.public(), NOW);
            let other_key = SigningKey::new("hub.example/hub", &[9; 32]).unwrap();
            let answer = match case {
                "unsigned" => "welcome\n".to_owned(),
                "another key" => right.sign(&other_key).0,
                "another server" => receipt(preview.digest, [5; 32], NOW).sign(&hub.key).0,
                "replayed" => receipt([7; 32], own.public(), NOW).sign(&hub.key).0,
                "long" => "x".repeat(1 << 20),
                _ => right.sign(&hub.key).0,
            };
            hub.says("/hub/v1/registration", 200, answer);
            let sent = office.send(preview.digest).await;
            assert_eq!(sent.is_ok(), case == "true", "{case}: {sent:?}");
            // What was shown is what was sent, and it is sent once.
            assert_eq!(hub.asked.lock().unwrap().last().unwrap().1, preview.statement.0.as_bytes());
            assert!(matches!(office.send(preview.digest).await, Err(OfficeError::NotShown)));
            earlier = Some(preview.digest);
        }
        assert!(matches!(office.send([0; 32]).await, Err(OfficeError::NotShown)));
        let kept = world.store.registrations().await.unwrap();
        assert_eq!(
            (kept[0].state, kept[0].digest.as_slice()),
            (RegistrationState::Taken, &earlier.unwrap()[..])
        );
        assert!(kept[1..].iter().all(|kept| kept.state == RegistrationState::Sent));
    });
}

/// H-registration-other-hub
#[test]
fn challenges_that_are_not_the_pinned_hubs() {
    block_on(async {
        let (world, hub) = (World::new().await, FalseHub::start());
        let office = hub.office(&world);
        let preview = || async { office.preview(&register()).await };
        assert!(matches!(preview().await, Err(OfficeError::Answer { status: 404, .. })));
        let elsewhere = World::new().await;
        let other = Desk::open(elsewhere.store.clone(), elsewhere.clock.clone()).await.unwrap();
        let Signed(foreign) = other.challenge().await.unwrap();
        for answer in [foreign.into_bytes(), b"hello".to_vec(), vec![0xff; 10]] {
            hub.says("/hub/v1/challenge", 200, answer);
            let refused = preview().await;
            assert!(
                matches!(refused, Err(OfficeError::NotBelieved(Refusal::NotTheHub | Refusal::Malformed))),
                "{refused:?}"
            );
        }
        hub.says("/hub/v1/challenge", 200, vec![b'a'; 1 << 20]);
        assert!(matches!(preview().await, Err(OfficeError::Send(_))));
        assert!(world.store.registrations().await.unwrap().is_empty());
        // The hub refuses: its reason is told on one line, as text.
        hub.challenges();
        let digest = preview().await.unwrap().digest;
        hub.says("/hub/v1/registration", 409, "taken\u{1b}[2J\n\nby another");
        let refused = office.send(digest).await.unwrap_err().to_string();
        assert!(refused.contains("taken") && !refused.contains(['\u{1b}', '\n']), "{refused}");
    });
}

/// H-same-bytes
#[test]
fn two_instances_ask_in_the_same_bytes() {
    block_on(async {
        let hub = FalseHub::start();
        hub.publishes(&head(1), BODY);
        hub.challenges();
        let mut heard = Vec::new();
        for n_updates in [1, 2] {
            let world = World::new().await;
            let office = hub.office(&world);
            // The second one has everything already when it asks; what it asks is the same.
            for _ in 0..n_updates {
                hub.asked.lock().unwrap().clear();
                office.update(&FeedKind::ALL).await.unwrap();
                office.preview(&register()).await.unwrap();
            }
            heard.push(hub.asked.lock().unwrap().clone());
        }
        assert_eq!(heard[0], heard[1]);
        let heads: String = heard[0].iter().map(|(head, _)| head.as_str()).collect();
        assert_eq!(heard[0].len(), 5, "three notes, one file, one challenge: {heads}");
        for line in heads.lines().filter(|line| line.contains(": ")) {
            let known = ["accept", "accept-encoding", "user-agent", "host"];
            let name = line.split(": ").next().unwrap();
            assert!(known.contains(&name), "{line}");
        }
        assert!(heads.contains("user-agent: Sourcekeep\r\n"), "without a version: {heads}");
    });
}
