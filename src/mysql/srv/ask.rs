//! One question to name servers: by UDP, and by TCP when the answer did not fit.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};

/// For one try of one name server; `resolv.conf` has 5 s.
const PATIENCE: Duration = Duration::from_secs(2);
/// Rounds over all name servers, as `resolv.conf` has it.
const ROUNDS: usize = 2;

/// Whom to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NameServer {
    /// As `/etc/resolv.conf` says.
    #[default]
    System,
    /// This one.
    At(SocketAddr),
}

/// One host that offers the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) host: String,
    pub(super) port: u16,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// Name servers say that there is no such record.
    NoRecord,
    /// The name can't be asked for.
    BadName,
    /// None of them said anything of use.
    Silence(String),
}

/// The SRV records of a whole name (no search domain is tried).
pub async fn ask(name: &str, server: NameServer) -> Result<Vec<Offer>, Unanswered> {
    let name = name.trim_end_matches('.');
    let mut why = "there is no name server in /etc/resolv.conf".to_owned();
    let servers = servers(server).map_err(Unanswered::Silence)?;
    for _ in 0..ROUNDS {
        for at in &servers {
            let one = tokio::time::timeout(PATIENCE, ask_one(name, *at)).await;
            match one {
                Ok(Ok(answer)) => return answer,
                Ok(Err(error)) => why = format!("the name server {at}: {error}"),
                Err(_) => {
                    why = format!(
                        "the name server {at} did not answer within {} s",
                        PATIENCE.as_secs()
                    );
                }
            }
        }
    }
    Err(Unanswered::Silence(why))
}

fn servers(server: NameServer) -> Result<Vec<SocketAddr>, String> {
    const PORT: u16 = 53;
    let path = match server {
        NameServer::At(at) => return Ok(vec![at]),
        NameServer::System => "/etc/resolv.conf",
    };
    let text = std::fs::read(path).map_err(|error| format!("can't read {path}: {error}"))?;
    let parsed = resolv_conf::Config::parse(text)
        .map_err(|error| format!("can't understand {path}: {error}"))?;
    let mut servers: Vec<SocketAddr> = parsed
        .nameservers
        .iter()
        .map(|ip| SocketAddr::new(IpAddr::from(ip), PORT))
        .collect();
    if servers.is_empty() {
        // As the system's resolver has it.
        servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT));
    }
    Ok(servers)
}

/// The outer error asks for another server, or another try.
async fn ask_one(name: &str, at: SocketAddr) -> Result<Result<Vec<Offer>, Unanswered>, String> {
    let id = rand::random();
    let Some(query) = query(id, name) else {
        return Ok(Err(Unanswered::BadName));
    };
    let shown = |error: std::io::Error| error.to_string();
    let by_udp = udp(&query, id, at).await.map_err(shown)?;
    if let Some(read) = read(&by_udp, id, name) {
        return read;
    }
    let by_tcp = tcp(&query, at).await.map_err(shown)?;
    read(&by_tcp, id, name).unwrap_or_else(|| Err("its answer is cut short".to_owned()))
}

fn query(id: u16, name: &str) -> Option<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(
        Name::new(name).ok()?,
        TYPE::SRV.into(),
        CLASS::IN.into(),
        false,
    ));
    packet.build_bytes_vec().ok()
}

async fn udp(query: &[u8], id: u16, at: SocketAddr) -> std::io::Result<Vec<u8>> {
    // A port of its own for each question, drawn by the system: an answer is hard to forge.
    let local: IpAddr = match at {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((local, 0)).await?;
    socket.connect(at).await?;
    socket.send(query).await?;
    let mut buffer = vec![0; 4096];
    loop {
        let length = socket.recv(&mut buffer).await?;
        if buffer[..length].starts_with(&id.to_be_bytes()) {
            buffer.truncate(length);
            return Ok(buffer);
        }
    }
}

async fn tcp(query: &[u8], at: SocketAddr) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(at).await?;
    let length = u16::try_from(query.len()).map_err(std::io::Error::other)?;
    stream.write_all(&length.to_be_bytes()).await?;
    stream.write_all(query).await?;
    let mut buffer = vec![0; usize::from(stream.read_u16().await?)];
    stream.read_exact(&mut buffer).await?;
    Ok(buffer)
}

/// What an answer says; `None` when it was cut to fit and is to be asked for by TCP.
fn read(
    bytes: &[u8],
    id: u16,
    name: &str,
) -> Option<Result<Result<Vec<Offer>, Unanswered>, String>> {
    // The header is whole even where the rest is cut.
    const CUT: u8 = 0b10;
    if bytes.get(2).is_some_and(|flags| flags & CUT != 0) {
        return None;
    }
    let Ok(packet) = Packet::parse(bytes) else {
        return Some(Err("its answer can't be understood".to_owned()));
    };
    let asked = |question: &Question| question.qname.to_string().eq_ignore_ascii_case(name);
    if packet.id() != id
        || !packet.has_flags(PacketFlag::RESPONSE)
        || !packet.questions.iter().all(asked)
    {
        return Some(Err("it answered something else".to_owned()));
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Some(Ok(Err(Unanswered::NoRecord))),
        RCODE::Refused => return Some(Err("it refuses to answer".to_owned())),
        _ => return Some(Err("it could not find out".to_owned())),
    }
    let offers: Vec<Offer> = packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            RData::SRV(srv) => Some(Offer {
                priority: srv.priority,
                weight: srv.weight,
                host: srv.target.to_string().trim_end_matches('.').to_owned(),
                port: srv.port,
            }),
            _ => None,
        })
        .collect();
    Some(Ok(if offers.is_empty() {
        Err(Unanswered::NoRecord)
    } else {
        Ok(offers)
    }))
}
