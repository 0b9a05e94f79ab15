//! What the pages say, in each language: one table per language of one type, so that a missing sentence does not compile.
//!
//! A sentence with something in it is a function, because languages put that something in different places.

use sekisho_token::Timestamp;

use crate::language::Language;
use crate::oauth::authorize::Unanswerable;

mod english;
mod japanese;

/// Every sentence of every page.
pub(super) struct Words {
    pub(super) language: Language,
    pub(super) everywhere: Everywhere,
    pub(super) sign_in: SignIn,
    pub(super) consent: Consent,
    pub(super) sign_out: SignOut,
    pub(super) account: Account,
    pub(super) password: Password,
    pub(super) fault: Fault,
}

pub(super) struct Everywhere {
    /// The head of a page that says that something worked.
    pub(super) done: &'static str,
    /// The head of a page that says that something did not.
    pub(super) failed: &'static str,
    /// In front of a title.
    pub(super) error: fn(&str) -> String,
    pub(super) cancel: &'static str,
    /// In front of the id that an operator can look up.
    pub(super) refusal: &'static str,
    /// Between the parts of a list.
    pub(super) comma: &'static str,
    pub(super) moment: fn(Timestamp) -> String,
}

pub(super) struct SignIn {
    pub(super) title: &'static str,
    pub(super) to_continue: fn(&str) -> String,
    pub(super) to_account: &'static str,
    pub(super) to_password: &'static str,
    pub(super) name: &'static str,
    pub(super) password: &'static str,
    pub(super) button: &'static str,
    pub(super) wrong: &'static str,
    pub(super) wait: fn(u32) -> String,
    pub(super) cancelled: &'static str,
}

pub(super) struct Consent {
    pub(super) title: fn(&str) -> String,
    pub(super) asks_for: fn(&str) -> String,
    pub(super) allow: &'static str,
    pub(super) refuse: &'static str,
    /// What the scopes about a person mean; others are the operator's own.
    pub(super) openid: &'static str,
    pub(super) profile: &'static str,
    pub(super) email: &'static str,
}

pub(super) struct SignOut {
    pub(super) title: &'static str,
    pub(super) means: fn(&str) -> String,
    pub(super) taken_back: &'static str,
    pub(super) button: &'static str,
    pub(super) signed_out: &'static str,
    pub(super) again: &'static str,
}

pub(super) struct Account {
    pub(super) title: &'static str,
    pub(super) signed_in_as: fn(&str) -> String,
    pub(super) sessions: &'static str,
    pub(super) this_one: &'static str,
    pub(super) signed_in_at: &'static str,
    pub(super) last_used: &'static str,
    pub(super) address: &'static str,
    pub(super) unknown_address: &'static str,
    pub(super) through: &'static str,
    pub(super) unknown_device: &'static str,
    pub(super) device: fn(&str, &str) -> String,
    pub(super) end: &'static str,
    pub(super) end_others: &'static str,
    pub(super) applications: &'static str,
    pub(super) since: &'static str,
    pub(super) access: &'static str,
    pub(super) revoke: &'static str,
    pub(super) no_applications: &'static str,
    pub(super) ended: &'static str,
    pub(super) others_ended: &'static str,
    pub(super) cut: fn(u32) -> String,
    pub(super) revoked: &'static str,
}

pub(super) struct Password {
    pub(super) title: &'static str,
    pub(super) means: &'static str,
    pub(super) current: &'static str,
    pub(super) new: &'static str,
    pub(super) again: &'static str,
    pub(super) rule: fn(usize) -> String,
    pub(super) button: &'static str,
    pub(super) changed: &'static str,
    pub(super) wrong: &'static str,
    pub(super) unfit: fn(usize, usize) -> String,
    pub(super) differ: &'static str,
    pub(super) unchanged: &'static str,
}

pub(super) struct Fault {
    pub(super) stale: &'static str,
    pub(super) later: &'static str,
    pub(super) unreadable_request: &'static str,
    pub(super) unreadable_form: &'static str,
    pub(super) foreign_form: &'static str,
    pub(super) other_browser: &'static str,
    pub(super) bad_return: &'static str,
    pub(super) duplicate: &'static str,
    pub(super) unregistered_sign_out: &'static str,
    pub(super) two_clients: &'static str,
    pub(super) unknown_client: &'static str,
    pub(super) two_redirects: &'static str,
    pub(super) no_redirect: &'static str,
    pub(super) unregistered_redirect: &'static str,
}

// === impl Words ===

impl Words {
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &english::WORDS,
            Language::Japanese => &japanese::WORDS,
        }
    }
}

// === impl Fault ===

impl Fault {
    /// Why a request cannot be answered by redirect.
    pub(super) const fn of(&self, unanswerable: Unanswerable) -> &'static str {
        match unanswerable {
            Unanswerable::TwoClients => self.two_clients,
            Unanswerable::UnknownClient => self.unknown_client,
            Unanswerable::TwoRedirects => self.two_redirects,
            Unanswerable::NoRedirect => self.no_redirect,
            Unanswerable::UnregisteredRedirect => self.unregistered_redirect,
        }
    }
}

// === impl Consent ===

impl Consent {
    /// What a scope means, where we know.
    pub(super) fn meaning(&self, scope: &str) -> Option<&'static str> {
        match scope {
            "openid" => Some(self.openid),
            "profile" => Some(self.profile),
            "email" => Some(self.email),
            _ => None,
        }
    }
}
