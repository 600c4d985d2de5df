//! The acts the log knows.

use std::fmt;

macro_rules! acts {
    ($($(#[doc = $doc:literal])* $name:ident = $word:literal,)*) => {
        /// What was done. As text two or three words with dots: the kind of thing first, so that filtering by a prefix finds
        /// all of a kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Act {
            $($(#[doc = $doc])* $name,)*
        }

        impl Act {
            /// Every act.
            pub const ALL: &'static [Act] = &[$(Act::$name,)*];

            /// The words in the log. They are written into entries that last: never change one.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Act::$name => $word,)*
                }
            }
        }
    };
}

acts! {
    /// Somebody signed in, or tried to.
    SignIn = "session.sign-in",
    /// A session began.
    StartSession = "session.start",
    /// A session's secret was replaced.
    RotateSession = "session.rotate",
    /// Somebody signed out.
    SignOut = "session.sign-out",
    /// Sessions were ended by their owner or an administrator.
    RevokeSession = "session.revoke",
    /// Somebody proved once more who they are, for a sensitive act.
    StepUp = "session.step-up",
    /// The setup link was made.
    CreateSetupLink = "setup.link",
    /// The first administrator was made with it.
    UseSetupLink = "setup.use",
    /// An account was made.
    CreateUser = "user.create",
    /// An account was changed otherwise.
    ChangeUser = "user.change",
    /// An account got another role.
    ChangeRole = "user.role",
    /// An account was shut.
    DisableUser = "user.disable",
    /// An account was opened again.
    EnableUser = "user.enable",
    /// An account was removed.
    RemoveUser = "user.remove",
    /// A password was set.
    SetPassword = "user.password",
    /// A second factor was added.
    AddFactor = "user.factor.add",
    /// A second factor was removed.
    RemoveFactor = "user.factor.remove",
    /// Recovery codes were drawn.
    DrawRecoveryCodes = "user.recovery.draw",
    /// A recovery code was used.
    UseRecoveryCode = "user.recovery.use",
    /// An invitation was made.
    Invite = "user.invite",
    /// An invitation was taken back.
    RevokeInvitation = "user.invite.revoke",
    /// An invitation was used.
    AcceptInvitation = "user.invite.accept",
    /// A reset link was made.
    CreateResetLink = "user.reset.link",
    /// A reset link was used.
    UseResetLink = "user.reset.use",
    /// An identity of a provider or a code host was linked to an account.
    LinkIdentity = "user.identity.link",
    /// Such a link was removed.
    UnlinkIdentity = "user.identity.unlink",
    /// A service account was made.
    CreateServiceAccount = "service.create",
    /// A token was made.
    CreateToken = "token.create",
    /// A token was revoked.
    RevokeToken = "token.revoke",
    /// A custom role was made or changed.
    ChangeRoles = "role.change",
    /// A custom role was removed.
    RemoveRole = "role.remove",
    /// Somebody may read a repository from now on.
    Grant = "grant.add",
    /// Somebody may not read a repository any more.
    Revoke = "grant.remove",
    /// Emergency access was asked and given.
    BreakGlass = "grant.break-glass",
    /// Emergency access ended before its time.
    EndBreakGlass = "grant.break-glass.end",
    /// A group was made, changed or removed.
    ChangeGroup = "group.change",
    /// Path rules of a repository were changed.
    ChangeRules = "rules.change",
    /// Permissions of a code host were read and applied.
    SyncPermissions = "permissions.sync",
    /// Permissions were set by the interface.
    SetPermissions = "permissions.set",
    /// A repository was added.
    AddRepository = "repository.add",
    /// A repository was removed.
    RemoveRepository = "repository.remove",
    /// Who may read a repository without a grant was changed.
    ShareRepository = "repository.share",
    /// What is said of a repository was changed.
    DescribeRepository = "repository.describe",
    /// A repository was asked to be fetched or indexed again.
    RefreshRepository = "repository.refresh",
    /// A code host was connected.
    AddHost = "host.add",
    /// A code host's connection was changed.
    ChangeHost = "host.change",
    /// A code host was disconnected.
    RemoveHost = "host.remove",
    /// A code host's connection was tried.
    TestHost = "host.test",
    /// A code host's webhook was received and obeyed, or refused.
    ReceiveWebhook = "host.webhook",
    /// A context was made.
    CreateContext = "context.create",
    /// A context was changed.
    ChangeContext = "context.change",
    /// A context was removed.
    RemoveContext = "context.remove",
    /// An export was asked for.
    CreateExport = "export.create",
    /// An export was cancelled.
    CancelExport = "export.cancel",
    /// An export was removed.
    RemoveExport = "export.remove",
    /// A precise index was uploaded.
    UploadPrecise = "precise.upload",
    /// A precise index was removed, by somebody or by the rules of retention.
    RemovePrecise = "precise.remove",
    /// A setting of the instance was changed.
    ChangeSetting = "settings.change",
    /// Somebody left the counting of use, or came back.
    ChangeCounting = "user.counting",
    /// A ping was approved or denied.
    DecidePing = "ping.decide",
    /// The master key was rotated.
    RotateKey = "key.rotate",
    /// Secrets were sealed anew with the newest master key.
    Reseal = "key.reseal",
    /// Old master keys were dropped.
    DropKeys = "key.drop",
    /// A registration or a withdrawal was sent to a hub.
    SendRegistration = "hub.registration",
    /// Feeds of a hub were taken, from it or from a file.
    TakeFeed = "hub.feed.take",
    /// A feed was published, by this server as a hub.
    PublishFeed = "hub.feed.publish",
    /// The token of a hub's administrator was made anew.
    ChangeHubToken = "hub.token",
    /// An access review was begun.
    StartReview = "review.start",
    /// A grant was certified.
    Certify = "review.certify",
    /// A grant was revoked in a review.
    RevokeInReview = "review.revoke",
    /// An access review was closed.
    CloseReview = "review.close",
    /// A proof was made that the owner runs.
    Verify = "verify.run",
    /// The audit log was looked at or written out.
    ReadAudit = "audit.read",
    /// The oldest entries of the log were removed, as configured.
    ShortenAudit = "audit.shorten",
    /// Code was searched.
    Search = "code.search",
    /// A file or folder was looked at.
    ReadFile = "code.file",
    /// A file was fetched as it is.
    ReadRaw = "code.raw",
    /// Commits and changes were looked at.
    ReadHistory = "code.history",
    /// Repositories were listed.
    ListRepositories = "code.repositories",
    /// The file of an export was fetched.
    ReadExport = "code.export",
    /// A program's interface was asked something else.
    Ask = "code.ask",
    /// An administrator's page was looked at.
    ReadAdministration = "admin.read",
    /// A request was turned away at the door.
    Denied = "door.denied",
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_acts_have_the_same_words() {
        let words: BTreeSet<_> = Act::ALL.iter().map(|act| act.as_str()).collect();
        assert_eq!(words.len(), Act::ALL.len());
        let plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'-');
        assert!(words.iter().all(|word| word.len() <= 40 && word.bytes().all(plain)));
    }
}
