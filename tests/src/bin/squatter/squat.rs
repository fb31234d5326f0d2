use std::{
    fs::OpenOptions,
    io::{self, BufRead as _, BufReader, Read, Write},
    net::TcpStream,
    os::unix::{net::UnixStream, process::CommandExt as _},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result};

pub(crate) fn become_plugin(plugin: &str) -> Result<()> {
    let own = std::env::current_exe()?;
    let mut child = Command::new(own).stdin(Stdio::piped()).spawn()?;
    let stdout = child.stdin.take().context("it is piped")?;
    Err(Command::new(plugin).stdout(stdout).exec().into())
}

pub(crate) fn squat() -> Result<()> {
    let mut stdin = BufReader::new(io::stdin());
    let mut line = String::new();
    stdin.read_line(&mut line)?;
    let mut fields = line.split('|').skip(2);
    let (network, address) = (fields.next().context("network")?, fields.next().context("address")?);
    let mut connection: Box<dyn Read + Send> = match network {
        "unix" => Box::new(UnixStream::connect(address)?),
        _ => Box::new(TcpStream::connect(address)?),
    };
    let mut stdout = io::stdout();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()?;
    // Whether it ends or is reset is all the same.
    let _ = io::copy(&mut connection, &mut io::sink());
    report("squatter dropped")
}

fn report(event: &str) -> Result<()> {
    let path = std::env::var_os("SQUATTER_REPORT").context("a pipe")?;
    OpenOptions::new().write(true).open(path)?.write_all(format!("{event}\n").as_bytes())?;
    Ok(())
}
