//! How a realm's pages look: each value is checked where it stands, the logo's file is read.

use std::fmt::Display;
use std::path::PathBuf;

use sekisho_identity::{Logo, Theme};
use sekisho_wire::RealmName;

use super::super::said;
use super::super::units::At;
use super::Notes;

// === impl Notes ===

impl Notes {
    pub(super) fn theme(&mut self, realm: &RealmName, said: said::Theme) -> Theme {
        let said::Theme { accent, logo, name } = said;
        Theme {
            accent: accent.and_then(|said| self.parsed((realm, "accent"), said)),
            logo: logo.and_then(|said| self.logo(realm, said)),
            name: name.and_then(|said| self.parsed((realm, "name"), said)),
        }
    }

    fn parsed<T>(&mut self, (realm, key): (&RealmName, &str), said: At<String>) -> Option<T>
    where
        T: std::str::FromStr<Err: Display>,
    {
        let At { value, spot } = said;
        let parsed = value.parse();
        if let Err(why) = &parsed {
            self.mistake(Some(spot), format!("realm `{realm}`: `theme.{key}`: `{value}` {why}"));
        }
        parsed.ok()
    }

    fn logo(&mut self, realm: &RealmName, said: At<PathBuf>) -> Option<Logo> {
        let At { value: path, spot } = said;
        let mut wrong = |why: &dyn Display| {
            self.mistake(Some(spot), format!("realm `{realm}`: `theme.logo`: `{}` {why}", path.display()));
        };
        match std::fs::read(&path).map(Logo::new) {
            Ok(Ok(logo)) => return Some(logo),
            Ok(Err(why)) => wrong(&why),
            Err(error) => wrong(&format_args!("cannot be read: {error}")),
        }
        None
    }
}
