//! Sign-in, and what expires.

use crate::{Bench, GRID, fail, succeed, text};
use stand_in::{Fault, FaultKind, PASSWORD, Place, USER};

#[test]
fn sign_in_by_token_password_and_netrc() {
    let bench = Bench::new();
    let expected = bench.expected();
    let line = format!("average {} {GRID} -o far.nc --overwrite", bench.links());
    let (_, said) = fail(bench.command(&line), 1);
    assert!(
        said.contains("no credentials were found") && said.contains("EARTHDATA_TOKEN"),
        "{said}"
    );

    let mut by_password = bench.command(&line);
    by_password.envs([
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ]);
    bench.assert_no_secret(&succeed(by_password));
    assert!(bench.read("far.nc").unwrap() == expected);

    let netrc = tempfile::NamedTempFile::new().unwrap();
    let entry =
        |password: &str| format!("machine 127.0.0.1\n login {USER}\n password {password}\n");
    std::fs::write(netrc.path(), entry(PASSWORD)).unwrap();
    let mut by_netrc = bench.command(&line);
    by_netrc.env("NETRC", netrc.path());
    bench.assert_no_secret(&succeed(by_netrc));
    let mut login = bench.command("login");
    login.env("NETRC", netrc.path());
    let output = succeed(login);
    bench.assert_no_secret(&output);
    assert!(
        text(&output.stdout).contains("signed in as ocean"),
        "{}",
        text(&output.stdout)
    );

    // One that cannot be read is not taken for none.
    let mut unread = bench.command(&line);
    unread.env("NETRC", bench.work.path());
    let (_, said) = fail(unread, 1);
    let expected = format!("found: {}: ", bench.work.path().display());
    assert!(said.contains(&expected), "{said}");

    std::fs::write(netrc.path(), entry("wrong")).unwrap();
    let mut wrong = bench.command(&line);
    wrong.env("NETRC", netrc.path());
    let (output, said) = fail(wrong, 1);
    assert!(
        said.contains("does not accept the user name or password"),
        "{said}"
    );
    bench.assert_no_secret(&output);

    let mut wrong = bench.command(&line);
    wrong.env("EARTHDATA_TOKEN", "not-a-token");
    let (_, said) = fail(wrong, 1);
    assert!(
        said.contains("token from EARTHDATA_TOKEN is not accepted"),
        "{said}"
    );
    assert!(!said.contains("not-a-token"), "{said}");

    let mut unapproved = bench.command(&line);
    unapproved.envs([
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ]);
    bench.server.behave(|b| b.approved = false);
    let (_, said) = fail(unapproved, 1);
    assert!(said.contains("application is not approved"), "{said}");

    bench
        .server
        .behave(|b| (b.approved, b.licence) = (true, false));
    let (_, said) = fail(bench.with_token(&line), 1);
    assert!(
        said.contains("EULA") && said.contains("accept it"),
        "{said}"
    );
}

#[test]
fn what_expires_in_the_middle_is_renewed() {
    let bench = Bench::new();
    let expected = bench.expected();
    let line = format!("average {} {GRID} -o far.nc --overwrite", bench.links());
    // As often as one read goes on: all of them may meet the same.
    bench.behave(vec![
        Fault::first(3, Place::Storage, FaultKind::ExpireAddress),
        Fault::first(1, Place::Distribution, FaultKind::ExpireToken),
    ]);
    let mut command = bench.command(&line);
    command.envs([
        ("EARTHDATA_USERNAME", USER),
        ("EARTHDATA_PASSWORD", PASSWORD),
    ]);
    bench.assert_no_secret(&succeed(command));
    assert!(bench.read("far.nc").unwrap() == expected);
    let tokens = bench
        .server
        .log()
        .iter()
        .filter(|r| r.place == Place::Login)
        .count();
    assert!(tokens >= 2, "{tokens}");
}
