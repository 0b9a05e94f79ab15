//! The command line as people see it, and what it refuses to be told.

use clap::CommandFactory as _;
use insta::assert_snapshot;

use super::*;

/// The help of a command and of everything below it.
fn help(command: &mut clap::Command, into: &mut String) {
    let text = command.render_help();
    into.push_str(&format!("$ {} --help\n{text}\n", command.get_bin_name().unwrap_or("sekisho")));
    for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
        help(below, into);
    }
}

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_help_of_every_command() {
    let mut command = Cli::command().term_width(120);
    command.build();
    let mut text = String::new();
    help(&mut command, &mut text);
    assert_snapshot!(text);
}

#[test]
fn no_command_takes_a_password_or_a_secret_as_an_argument() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments() {
            let name = argument.get_id().as_str();
            assert!(!name.contains("password") && !name.contains("secret"), "{} {name}", command.get_name());
        }
        command.get_subcommands().for_each(check);
    }
    check(&Cli::command());
}

#[test]
fn arguments_are_checked_before_anything_is_done() {
    assert!(parse("sekisho token issue --client web --audience orders --ttl 90s").is_ok());
    let wrong = parse("sekisho token issue --client web --audience orders --ttl soon").unwrap_err().to_string();
    assert!(wrong.contains("expected a whole number and ms, s, m, h or d"), "{wrong}");
    assert!(parse("sekisho user list --realm Main").unwrap_err().to_string().contains("lower-case"));
    assert!(parse("sekisho user list --config a --data b").is_err(), "one house at a time");
    assert_eq!(parse("sekisho client create web --kind web").unwrap_err().exit_code(), 2, "an audience is needed");
}
