//! Serves a folder of granules as NASA does, until standard input ends: `stand-in DIR [BEHAVIOUR.json]`.
//! Prints the settings that make `swathe` use it, as lines for a shell.

use stand_in::{Behaviour, PASSWORD, StandIn, TOKEN, USER};
use std::io::Write as _;
use std::path::Path;

fn main() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (folder, behaviour) = match &arguments[..] {
        [folder] => (folder, None),
        [folder, behaviour] => (folder, Some(behaviour)),
        _ => return Err("usage: stand-in DIR [BEHAVIOUR.json]".into()),
    };
    let server = StandIn::start(Path::new(folder))?;
    if let Some(path) = behaviour {
        let text = std::fs::read(path).map_err(|e| format!("{path}: {e}"))?;
        let wanted: Behaviour =
            serde_json::from_slice(&text).map_err(|e| format!("{path}: {e}"))?;
        server.behave(|behaviour| *behaviour = wanted);
    }
    let mut out = std::io::stdout().lock();
    let mut say =
        |name: &str, value: &str| writeln!(out, "export {name}={value}").map_err(|e| e.to_string());
    for (name, value) in server.environment() {
        say(name, &value)?;
    }
    say("EARTHDATA_TOKEN", TOKEN)?;
    say("STAND_IN_USER", USER)?;
    say("STAND_IN_PASSWORD", PASSWORD)?;
    say("STAND_IN_STORAGE", server.storage())?;
    writeln!(out, "# links: {}", server.link("FILE")).map_err(|e| e.to_string())?;
    out.flush().map_err(|e| e.to_string())?;
    let mut line = String::new();
    while std::io::stdin()
        .read_line(&mut line)
        .is_ok_and(|count| count > 0)
    {}
    Ok(())
}
