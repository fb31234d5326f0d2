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
    let mut connection: Box<dyn Connection> = match network {
        "unix" => Box::new(UnixStream::connect(address)?),
        _ => Box::new(TcpStream::connect(address)?),
    };
    if std::env::var_os("SQUATTER_SPEAKS").is_some() {
        speak(&mut connection)?;
    }
    let mut stdout = io::stdout();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()?;
    // Whether it ends or is reset is all the same.
    let _ = io::copy(&mut connection, &mut io::sink());
    report("squatter dropped")
}

trait Connection: Read + Write + Send {}

impl<T: Read + Write + Send> Connection for T {}

/// Opens a stream of yamux and begins on it as HTTP/2 does, then waits until it is taken for the
/// host: the plugin speaks HTTP/2 with it.
fn speak(connection: &mut impl Connection) -> Result<()> {
    const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const SETTINGS: &[u8; 9] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    let length = u8::try_from(PREFACE.len() + SETTINGS.len())?;
    // Version 0, data, SYN, stream 1.
    let header = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, length];
    connection.write_all(&[&header[..], PREFACE, SETTINGS].concat())?;
    loop {
        let mut header = [0; 12];
        connection.read_exact(&mut header)?;
        let length = u32::from_be_bytes([header[8], header[9], header[10], header[11]]);
        if header[1] == 0 && length > 0 {
            return Ok(());
        }
    }
}

fn report(event: &str) -> Result<()> {
    let path = std::env::var_os("SQUATTER_REPORT").context("a pipe")?;
    OpenOptions::new().write(true).open(path)?.write_all(format!("{event}\n").as_bytes())?;
    Ok(())
}
