//! Passkeys: registering, naming and removing them, and taking their proofs.

use crate::attempts::Guessing;
use crate::database::{Row, Transaction, values};
use crate::provider_identities::has_way_in;
use crate::second_factors::{self, ChangeFactorError};
use crate::sessions::{SessionLimits, SessionOrigin};
use crate::sign_in::SignInError;
use crate::totp::Enrolling;
use crate::{Fault, Store, Timestamp, User, access_facts, recovery_codes};
use access::audit::{Act, Entry, Object};
use access::{
    Ceremony, ClientAddress, Digest, Passkey, PasskeyError, RecoveryCode, RelyingParty, SecondFactor,
    SessionId, SessionSecret, TokenId, UserName,
};
use model::UserId;
use std::time::Duration;

/// How long a ceremony may take.
const CEREMONY_VALID_FOR: Duration = Duration::from_secs(5 * 60);
/// Most ceremonies under way: strangers can begin them. Beyond them the one begun first ends.
const N_CEREMONIES_MAX: i64 = 10_000;
/// Most passkeys of an account.
const N_PASSKEYS_MAX: usize = 20;
/// Longest name of a passkey, in characters.
const NAME_CHARS_MAX: usize = 60;

/// A passkey, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasskeyInfo {
    /// Its public name.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A ceremony that has begun: what the browser is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Which ceremony it is; comes back with the answer.
    pub id: String,
    /// What the browser is asked for, as JSON.
    pub options: String,
}

/// A browser's answer to a ceremony.
#[derive(Debug)]
pub struct PasskeyAnswer {
    /// The server as the authenticator knows it.
    pub party: RelyingParty,
    /// Which ceremony it answers.
    pub ceremony: String,
    /// The answer, as JSON.
    pub answer: String,
}

impl Store {
    /// The account's passkeys, by name.
    pub async fn passkeys_of(&self, user: UserId) -> Result<Vec<PasskeyInfo>, Fault> {
        const LIST: &str = "SELECT id, name, created_at, last_used_at FROM passkeys WHERE user_id = $1 \
             ORDER BY name, created_at, id";
        let info = |row: &Row| {
            Ok(PasskeyInfo {
                id: row.text("id")?,
                name: row.text("name")?,
                created_at: row.time("created_at")?,
                last_used_at: row.maybe_time("last_used_at")?,
            })
        };
        self.database().rows(LIST, values![user]).await?.iter().map(info).collect()
    }

    /// Begins to register a passkey.
    pub async fn begin_passkey(
        &self,
        party: &RelyingParty,
        (user, name): (UserId, &UserName),
        enrolling: Enrolling<'_>,
    ) -> Result<Begun, ChangeFactorError> {
        const HANDLE: &str = "SELECT handle FROM passkeys WHERE user_id = $1 LIMIT 1";
        let present = self.stored_passkeys(user).await?;
        if present.len() >= N_PASSKEYS_MAX {
            return Err(ChangeFactorError::TooMany { n_max: N_PASSKEYS_MAX });
        }
        let mut handle = [0; 16];
        match self.database().row(HANDLE, values![user]).await? {
            Some(row) => {
                let stored = row.bytes("handle")?.try_into();
                handle = stored.map_err(|_| Fault::ImpossibleValue { column: "handle" })?;
            }
            None => self.randomness().fill(&mut handle).map_err(Fault::from)?,
        }
        let ceremony = party.begin_registration(handle, name, &present).map_err(refused)?;
        let state = format!("{}{}", hex(&handle), ceremony.state);
        let ceremony = Ceremony { state, ..ceremony };
        Ok(self.put_ceremony("registration", enrolling.holder(), ceremony).await?)
    }

    /// Registers the passkey that the browser made. Recovery codes are drawn with an account's first factor, and given this
    /// once. Raises the epoch.
    pub async fn add_passkey(
        &self,
        (user, name): (UserId, &UserName),
        session: &SessionId,
        answer: &PasskeyAnswer,
        called: &str,
    ) -> Result<Vec<RecoveryCode>, ChangeFactorError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let enrolling = Enrolling::Session(session);
        let codes = self.add_passkey_in(&mut transaction, (user, name), enrolling, (answer, called)).await?;
        transaction.commit().await?;
        Ok(codes)
    }

    /// Calls a passkey something else. False if the account has no such passkey.
    pub async fn rename_passkey(&self, user: UserId, id: &str, called: &str) -> Result<bool, Fault> {
        let sql = "UPDATE passkeys SET name = $3 WHERE user_id = $1 AND id = $2";
        Ok(self.database().execute(sql, values![user, id, clean(called)]).await? > 0)
    }

    /// Removes a passkey, where that leaves enough. Raises the epoch.
    pub async fn remove_passkey(
        &self,
        (user, name): (UserId, &UserName),
        id: &str,
        is_required: bool,
    ) -> Result<(), ChangeFactorError> {
        let mut transaction = self.database().begin().await?;
        access_facts::raise_epoch(&mut transaction).await?;
        let sql = "DELETE FROM passkeys WHERE user_id = $1 AND id = $2";
        if transaction.execute(sql, values![user, id]).await? == 0 {
            return Err(ChangeFactorError::Unknown);
        }
        second_factors::check_enough_left(&mut transaction, user, is_required).await?;
        if !has_way_in(&mut transaction, user).await? {
            return Err(ChangeFactorError::LastWayIn);
        }
        let entry = Entry::new(Act::RemoveFactor, Object::user(user, name)).detail("factor", "passkey");
        self.record_in(&mut transaction, entry).await?;
        Ok(transaction.commit().await?)
    }

    /// Asks for a proof by one of an account's passkeys, as the second step of a sign-in or to step up. `None` if it has none.
    pub async fn ask_passkey(
        &self,
        party: &RelyingParty,
        user: UserId,
        holder: Enrolling<'_>,
    ) -> Result<Option<Begun>, Fault> {
        let passkeys = self.stored_passkeys(user).await?;
        if passkeys.is_empty() {
            return Ok(None);
        }
        let ceremony = party.begin_proof(&passkeys).map_err(damaged)?;
        Ok(Some(self.put_ceremony("proof", holder.holder(), ceremony).await?))
    }

    /// Asks for a proof by any passkey: for signing in without a name.
    pub async fn ask_any_passkey(&self, party: &RelyingParty) -> Result<Begun, Fault> {
        let ceremony = party.begin_proof(&[]).map_err(damaged)?;
        self.put_ceremony("proof", nobody(), ceremony).await
    }

    /// Signs in by a passkey alone: its owner was verified by the authenticator, which makes two factors of it.
    pub async fn sign_in_by_passkey(
        &self,
        answer: &PasskeyAnswer,
        address: ClientAddress,
        (limits, origin): (SessionLimits, SessionOrigin),
    ) -> Result<SessionSecret, SignInError> {
        const FIND: &str = "SELECT users.id AS id, users.name AS name, role, disabled_at, \
             users.created_at AS created_at FROM passkeys JOIN users ON users.id = user_id \
             WHERE credential_id = $1 AND disabled_at IS NULL";
        let credential = Passkey::credential_id_in(&answer.answer).unwrap_or_default();
        let row = self.database().row(FIND, values![credential]).await?;
        let user = row.as_ref().map(User::from_row).transpose()?;
        // SECURITY: counted and logged alike for passkeys that nobody has.
        let name = user.as_ref().map_or("", |user| user.name.as_str());
        self.count_attempt(Guessing::SecondFactor, name, address).await?;
        let mut transaction = self.database().begin().await?;
        access_facts::lock(&mut transaction).await?;
        let is_proved = match &user {
            Some(user) => self.take_passkey(&mut transaction, user.id, answer, nobody()).await?,
            None => false,
        };
        let (true, Some(user)) = (is_proved, &user) else {
            let entry = Entry::new(Act::SignIn, Object::named("user", name)).detail("factor", "passkey");
            self.record_in(&mut transaction, entry.refused("wrong passkey")).await?;
            transaction.commit().await?;
            return Err(SignInError::Refused);
        };
        let (secret, _) = self.start_session_in(&mut transaction, user.id, limits, origin).await?;
        transaction.commit().await?;
        self.forget_attempt(Guessing::SecondFactor, name, address).await?;
        Ok(secret)
    }
}

impl Store {
    /// The same within a transaction that holds the epoch's lock.
    pub(crate) async fn add_passkey_in(
        &self,
        transaction: &mut Transaction,
        (user, name): (UserId, &UserName),
        enrolling: Enrolling<'_>,
        (answer, called): (&PasskeyAnswer, &str),
    ) -> Result<Vec<RecoveryCode>, ChangeFactorError> {
        const INSERT: &str = "INSERT INTO passkeys (id, user_id, handle, credential_id, name, passkey, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (credential_id) DO NOTHING";
        let holder = enrolling.holder();
        let state = self.take_ceremony(transaction, "registration", holder, &answer.ceremony).await?;
        let state = state.ok_or(ChangeFactorError::NothingDrawn)?;
        let (handle, state) = state.split_at_checked(32).ok_or(ChangeFactorError::NothingDrawn)?;
        let handle = unhex(handle).ok_or(Fault::ImpossibleValue { column: "state" })?;
        let passkey = answer.party.finish_registration(&answer.answer, state).map_err(refused)?;
        let had = second_factors::of_user(transaction, user).await?;
        let id = TokenId::draw(self.randomness()).map_err(Fault::from)?.0;
        let stored = passkey.to_stored().map_err(refused)?;
        let columns = values![id, user, handle, passkey.credential_id(), clean(called), stored, self.now()];
        if transaction.execute(INSERT, columns).await? == 0 {
            return Err(ChangeFactorError::WrongPasskey);
        }
        let codes = match had {
            SecondFactor::Enrolled => Vec::new(),
            SecondFactor::None => recovery_codes::replace(self, transaction, (user, name)).await?,
        };
        let entry = Entry::new(Act::AddFactor, Object::user(user, name)).detail("factor", "passkey");
        self.record_in(transaction, entry.detail("name", clean(called))).await?;
        Ok(codes)
    }

    /// Takes a passkey's proof, if it is right. SECURITY: its challenge is used up whatever comes of it, and the passkey is
    /// compared and set with its new counter.
    pub(crate) async fn take_passkey(
        &self,
        transaction: &mut Transaction,
        user: UserId,
        answer: &PasskeyAnswer,
        holder: [u8; 32],
    ) -> Result<bool, Fault> {
        const FIND: &str = "SELECT id, passkey FROM passkeys WHERE user_id = $1 AND credential_id = $2";
        const USED: &str =
            "UPDATE passkeys SET passkey = $2, last_used_at = $3 WHERE id = $1 AND passkey = $4";
        let state = self.take_ceremony(transaction, "proof", holder, &answer.ceremony).await?;
        let Some(state) = state else { return Ok(false) };
        let Some(credential) = Passkey::credential_id_in(&answer.answer) else { return Ok(false) };
        let Some(row) = transaction.row(FIND, values![user, credential]).await? else { return Ok(false) };
        let old = row.text("passkey")?;
        let passkey = Passkey::from_stored(&old).map_err(damaged)?;
        let proved = match answer.party.finish_proof(&answer.answer, &state, &passkey) {
            Ok(proved) => proved.to_stored().map_err(damaged)?,
            Err(error) => {
                tracing::info!(%error, "a passkey was refused");
                return Ok(false);
            }
        };
        Ok(transaction.execute(USED, values![row.text("id")?, proved, self.now(), old]).await? > 0)
    }

    async fn stored_passkeys(&self, user: UserId) -> Result<Vec<Passkey>, Fault> {
        let sql = "SELECT passkey FROM passkeys WHERE user_id = $1 ORDER BY id";
        let rows = self.database().rows(sql, values![user]).await?;
        rows.iter().map(|row| Passkey::from_stored(&row.text("passkey")?).map_err(damaged)).collect()
    }

    async fn put_ceremony(
        &self,
        kind: &'static str,
        holder: [u8; 32],
        ceremony: Ceremony,
    ) -> Result<Begun, Fault> {
        const PUT: &str = "INSERT INTO passkey_ceremonies (digest, holder, kind, state, expires_at) \
             VALUES ($1, $2, $3, $4, $5)";
        const KEEP_NEWEST: &str = "DELETE FROM passkey_ceremonies WHERE digest IN \
             (SELECT digest FROM passkey_ceremonies ORDER BY expires_at DESC LIMIT 100 OFFSET $1)";
        let (id, now) = (TokenId::draw(self.randomness())?.0, self.now());
        let mut transaction = self.database().begin().await?;
        transaction.execute("DELETE FROM passkey_ceremonies WHERE expires_at <= $1", values![now]).await?;
        let expires_at = now.plus(CEREMONY_VALID_FOR);
        let columns = values![Digest::of(&id), holder.to_vec(), kind, ceremony.state, expires_at];
        transaction.execute(PUT, columns).await?;
        transaction.execute(KEEP_NEWEST, values![N_CEREMONIES_MAX]).await?;
        transaction.commit().await?;
        Ok(Begun { id, options: ceremony.options })
    }

    /// Finds a ceremony's state and uses it up, by one statement.
    async fn take_ceremony(
        &self,
        transaction: &mut Transaction,
        kind: &'static str,
        holder: [u8; 32],
        id: &str,
    ) -> Result<Option<String>, Fault> {
        const TAKE: &str = "DELETE FROM passkey_ceremonies WHERE digest = $1 AND holder = $2 AND kind = $3 \
             AND expires_at > $4 RETURNING state";
        let values = values![Digest::of(id), holder.to_vec(), kind, self.now()];
        transaction.row(TAKE, values).await?.map(|row| row.text("state")).transpose()
    }
}

/// Whoever signs in without a name holds no session.
fn nobody() -> [u8; 32] {
    *Digest::of("signing in by passkey").as_bytes()
}

fn clean(name: &str) -> String {
    let name: String = name.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    if name.is_empty() { "Passkey".to_owned() } else { name }
}

fn refused(error: PasskeyError) -> ChangeFactorError {
    match error {
        PasskeyError::Refused { reason } => {
            tracing::info!(reason, "a passkey was refused");
            ChangeFactorError::WrongPasskey
        }
        error @ PasskeyError::Damaged => damaged(error).into(),
    }
}

fn damaged(_: PasskeyError) -> Fault {
    Fault::ImpossibleValue { column: "passkey" }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
