//! English.

use sekisho_token::Timestamp;

use super::{Account, Consent, Everywhere, Fault, Password, SignIn, SignOut, Words};
use crate::language::Language;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) static WORDS: Words = Words {
    language: Language::English,
    everywhere: Everywhere {
        done: "Done",
        failed: "This did not work",
        error: |title| format!("Error: {title}"),
        cancel: "Cancel",
        refusal: "If you ask for help, name this:",
        comma: ", ",
        moment,
    },
    sign_in: SignIn {
        title: "Sign in",
        to_continue: |client| format!("to continue to {client}"),
        to_account: "to see your account",
        to_password: "again, to change your password",
        name: "User name",
        password: "Password",
        button: "Sign in",
        wrong: "Name or password is wrong.",
        wait: |seconds| format!("Too many attempts. Try again in {seconds} {}.", plural(seconds, "second", "seconds")),
        cancelled: "Nobody was signed in. You can close this page.",
    },
    consent: Consent {
        title: |client| format!("Allow {client}?"),
        asks_for: |person| format!("{person}, this application asks for:"),
        allow: "Allow",
        refuse: "Do not allow",
        openid: "to know who you are",
        profile: "your name",
        email: "your mail address",
    },
    sign_out: SignOut {
        title: "Sign out?",
        means: |person| format!("{person}, this ends your sign-in here and at every application that uses it."),
        taken_back: "You will be taken back to the application.",
        button: "Sign out",
        signed_out: "You are signed out.",
        again: "Sign in again",
    },
    account: Account {
        title: "Your account",
        signed_in_as: |person| format!("You are signed in as {person}."),
        sessions: "Where you are signed in",
        this_one: "This browser",
        signed_in_at: "Signed in",
        last_used: "Last used",
        address: "Address",
        unknown_address: "unknown",
        through: "Through",
        unknown_device: "Unknown device",
        device: |browser, system| format!("{browser} on {system}"),
        end: "End",
        end_others: "End all others",
        applications: "Applications with access",
        since: "Since",
        access: "Access",
        revoke: "Take back",
        no_applications: "No application has access to your account.",
        ended: "The sign-in was ended.",
        others_ended: "All other sign-ins were ended.",
        cut: |most| {
            format!("Only the {most} latest sign-ins and permissions are shown here. There may be more of them.")
        },
        revoked: "The application's access was taken back.",
    },
    password: Password {
        title: "Change password",
        means: "This ends all your other sign-ins.",
        current: "Current password",
        new: "New password",
        again: "New password, again",
        rule: |chars_min| format!("At least {chars_min} characters."),
        button: "Change password",
        changed: "Your password was changed, and all other sign-ins were ended.",
        wrong: "The current password is wrong.",
        unfit: |chars_min, bytes_max| {
            format!("The new password needs at least {chars_min} characters and at most {bytes_max} bytes.")
        },
        differ: "The two new passwords differ.",
        unchanged: "The new password is the current one.",
    },
    fault: Fault {
        stale: "This sign-in is over or was begun in another browser. Go back to the application and start again.",
        later: "We cannot check this right now. Please try again in a moment.",
        unreadable_request: "The request cannot be read.",
        unreadable_form: "The form cannot be read.",
        foreign_form: "This form was not sent from our own page.",
        other_browser: "This form was not made for this browser. Go back, reload the page and try again.",
        bad_return: "The address to go back to cannot be used.",
        duplicate: "A parameter stands more than once.",
        unregistered_sign_out: "The address to go to after signing out is not registered for this application.",
        two_clients: "The request names two applications.",
        unknown_client: "The application that sent you here is not known.",
        two_redirects: "The request names two addresses to go back to.",
        no_redirect: "The request does not say where to go back to.",
        unregistered_redirect: "The address to go back to is not registered for this application.",
    },
};

fn moment(at: Timestamp) -> String {
    let civil = at.civil();
    let month = usize::try_from(civil.month - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"");
    format!("{} {month} {}, {:02}:{:02} UTC", civil.day, civil.year, civil.hour, civil.minute)
}

const fn plural(count: u32, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}
