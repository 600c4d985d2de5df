//! What every page has around its content: title, account, query box, theme.

use crate::markup::Html;
use access::{Actor, Capability};

/// What every page has around its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shell {
    /// The document's title, whole.
    pub(crate) title: String,
    /// The name of whoever is signed in.
    pub(crate) user: Option<String>,
    /// `light` or `dark` where the person chose one.
    pub(crate) theme: Option<&'static str>,
    /// Which entry of the main navigation this page is.
    pub(crate) section: &'static str,
    /// The query box in the bar.
    pub(crate) query: Option<QueryBox>,
    /// The pages of the administration that this person's role allows.
    pub(crate) admin_pages: Vec<AdminPage>,
    /// Emergency access that goes on, for those who look after the instance.
    pub(crate) emergencies: Vec<String>,
}

/// A page of the administration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminPage {
    /// What it needs; `None` for being an administrator.
    needs: Option<Capability>,
    /// Its section, as in [`Shell::section`].
    pub(crate) section: &'static str,
    pub(crate) url: &'static str,
    pub(crate) label: &'static str,
}

/// Every page of the administration that stands in its navigation, in its order.
const ADMINISTRATION: &[AdminPage] = &[
    AdminPage { needs: None, section: "admin-users", url: "/admin/users", label: "Users" },
    AdminPage {
        needs: Some(Capability::ManagePermissions),
        section: "groups",
        url: "/admin/groups",
        label: "Groups",
    },
    AdminPage {
        needs: Some(Capability::ManagePermissions),
        section: "access",
        url: "/admin/access",
        label: "Access",
    },
    AdminPage {
        needs: Some(Capability::ManageHosts),
        section: "admin-hosts",
        url: "/admin/hosts",
        label: "Code hosts",
    },
    AdminPage { needs: Some(Capability::ManageRoles), section: "roles", url: "/admin/roles", label: "Roles" },
    AdminPage {
        needs: Some(Capability::ManageUsers),
        section: "service-accounts",
        url: "/admin/service-accounts",
        label: "Service accounts",
    },
    AdminPage {
        needs: Some(Capability::BreakGlass),
        section: "break-glass",
        url: "/admin/break-glass",
        label: "Emergencies",
    },
    AdminPage {
        needs: Some(Capability::RunReviews),
        section: "reviews",
        url: "/admin/reviews",
        label: "Reviews",
    },
    AdminPage { needs: None, section: "admin-sign-in", url: "/admin/sign-in", label: "Signing in" },
    AdminPage {
        needs: Some(Capability::ReadAudit),
        section: "audit",
        url: "/admin/audit",
        label: "Audit log",
    },
    AdminPage {
        needs: Some(Capability::ReadAudit),
        section: "egress",
        url: "/admin/egress",
        label: "What leaves",
    },
    AdminPage { needs: None, section: "outbox", url: "/admin/outbox", label: "Outbox" },
    AdminPage { needs: Some(Capability::ReadMetrics), section: "usage", url: "/admin/usage", label: "Usage" },
];

impl AdminPage {
    /// The pages that somebody's role allows.
    pub(crate) fn of(actor: &Actor) -> Vec<AdminPage> {
        let may = |page: &AdminPage| page.needs.map_or(actor.is_administrator(), |needs| actor.can(needs));
        ADMINISTRATION.iter().copied().filter(may).collect()
    }
}

/// The query box.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueryBox {
    /// What stands in it.
    pub(crate) text: String,
    /// The same, coloured.
    pub(crate) painted: Html,
    /// Whether the query asks for its letters' case.
    pub(crate) case_sensitive: bool,
    /// Whether the query's words are regular expressions.
    pub(crate) regexp: bool,
    /// Whether the query is a pattern of syntax trees.
    pub(crate) structural: bool,
    /// The search context it searches in, `global` where it names none.
    pub(crate) context: String,
    /// The home page's large one.
    pub(crate) big: bool,
    /// Whether the cursor stands in it when the page opens.
    pub(crate) focus: bool,
}

/// A moment, told both ways.
#[derive(Clone, Debug)]
pub(crate) struct Moment {
    /// `2 d ago`.
    pub(crate) ago: String,
    /// RFC 3339.
    pub(crate) exact: String,
}

impl Moment {
    /// A moment as seen from now.
    pub(crate) fn new(now_ms: i64, then_ms: i64) -> Self {
        Moment { ago: crate::format::ago(now_ms, then_ms), exact: crate::format::rfc3339(then_ms) }
    }
}

/// A language as a page shows it.
#[derive(Clone, Debug)]
pub(crate) struct LanguageLabel {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its colour, `#rrggbb`.
    pub(crate) color: Option<String>,
}

impl LanguageLabel {
    /// The label of a language that has a name.
    pub(crate) fn of(language: model::Language) -> Option<Self> {
        let info = syntax::language_info(language)?;
        Some(LanguageLabel { name: info.name, color: info.color.map(|color| format!("#{color:06x}")) })
    }
}

/// A query that can be run, as a link.
#[derive(Clone, Debug)]
pub(crate) struct QueryLink {
    /// Where it is run.
    pub(crate) url: String,
    /// The query, coloured.
    pub(crate) painted: Html,
    /// What it is for.
    pub(crate) says: String,
}
