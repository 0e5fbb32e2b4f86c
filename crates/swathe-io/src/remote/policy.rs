//! Which hosts may be asked, which addresses they may have, and who gets the token.

use super::fault::{Cure, Fault};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Rules for every request, redirects included.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// `host:port` on loopback that may be asked by plain http.
    pub loopback: Vec<String>,
    /// `host:port` that get the token, besides https hosts of nasa.gov.
    pub token_hosts: Vec<String>,
    /// Whether link-local addresses may be asked, cloud metadata services among them.
    pub internal: bool,
}

/// Addresses of cloud metadata services that are not link-local.
const METADATA: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

impl Policy {
    /// Refuses an address that may not be asked.
    ///
    /// # Errors
    /// Schemes but https; plain http, unless to a loopback host that was listed; literal addresses that
    /// are refused.
    pub fn check(&self, url: &Url) -> Result<(), Fault> {
        let refused = |why: &str| Err(Fault::new(Cure::None, format!("{}: {why}", shown(url))));
        let listed = self.loopback.contains(&authority(url));
        match url.scheme() {
            "https" => {}
            "http" if listed && is_loopback_name(url) => {}
            "http" => {
                return refused("plain http is refused: it would show what is sent to anyone");
            }
            _ => return refused("only https and s3 addresses can be read"),
        }
        let literal = match url.host() {
            Some(Host::Ipv4(ip)) => Some(IpAddr::V4(ip)),
            Some(Host::Ipv6(ip)) => Some(IpAddr::V6(ip)),
            Some(Host::Domain(_)) => None,
            None => return refused("an address without a host"),
        };
        match literal {
            Some(ip) if !self.admits(&authority(url), ip) => {
                refused("the host is an internal one, which is refused")
            }
            _ => Ok(()),
        }
    }

    /// Whether a host (`host:port`) may have this IP address.
    pub fn admits(&self, authority: &str, ip: IpAddr) -> bool {
        let ip = match ip {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(ip, IpAddr::V4),
            IpAddr::V4(_) => ip,
        };
        if ip.is_loopback() {
            return self.loopback.iter().any(|listed| listed == authority);
        }
        let link_local = match ip {
            IpAddr::V4(ip) => ip.is_link_local() || ip.octets()[0] == 0,
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        };
        let never = ip.is_unspecified() || ip.is_multicast();
        !never && (self.internal || !(link_local || METADATA.contains(&ip)))
    }

    /// Whether the token is for this host.
    pub fn takes_token(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default();
        let nasa = url.scheme() == "https" && url.port().is_none() && host.ends_with(".nasa.gov");
        nasa || self.token_hosts.contains(&authority(url))
    }

    /// Where a redirect leads, checked.
    ///
    /// # Errors
    /// No address, an unreadable one, or one that may not be asked; https that leads to http.
    pub fn redirected(&self, from: &Url, location: Option<&str>) -> Result<Url, Fault> {
        let broken = |why: &str| {
            Fault::new(
                Cure::None,
                format!("{} answers with a redirect {why}", shown(from)),
            )
        };
        let location = location.ok_or_else(|| broken("to nowhere"))?;
        let to = from
            .join(location)
            .map_err(|_| broken("that cannot be read"))?;
        if from.scheme() == "https" && to.scheme() != "https" {
            return Err(broken("from https to http, which is refused"));
        }
        if !to.username().is_empty() || to.password().is_some() {
            return Err(broken("with a user name in it, which is refused"));
        }
        self.check(&to)?;
        Ok(to)
    }
}

fn is_loopback_name(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// `host:port`, the port even if it is the scheme's own.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{host}:{}", url.port_or_known_default().unwrap_or(0))
}

/// An address for messages: without query, fragment and user, which may hold secrets.
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    // It cannot fail where there is a host, and without one there is no user.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_https_and_listed_loopback_hosts_are_asked() {
        let policy = Policy {
            loopback: vec![
                "127.0.0.1:80".into(),
                "example.org:80".into(),
                "localhost:8080".into(),
            ],
            ..Policy::default()
        };
        for good in [
            "https://example.org/a",
            "http://127.0.0.1/a",
            "http://localhost:8080/",
        ] {
            assert!(policy.check(&url(good)).is_ok(), "{good}");
        }
        for bad in [
            "http://127.0.0.1:81/a",
            // Listed, but not on loopback.
            "http://example.org/a",
            "https://127.0.0.1/a",
            "https://[::1]/a",
            "https://169.254.169.254/latest/meta-data",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:169.254.169.254]/",
            "https://0.0.0.0/",
            "https://100.100.100.200/",
            "ftp://example.org/a",
            "file:///etc/passwd",
        ] {
            assert!(policy.check(&url(bad)).is_err(), "{bad}");
        }
        let internal = Policy {
            internal: true,
            ..Policy::default()
        };
        assert!(internal.check(&url("https://169.254.169.254/")).is_ok());
    }

    #[test]
    fn names_may_not_lead_to_internal_addresses() {
        let policy = Policy::default();
        assert!(policy.admits("a.example.org:443", "93.184.216.34".parse().unwrap()));
        // A storage host may be reached inside a private network.
        assert!(policy.admits("bucket.s3.amazonaws.com:443", "10.0.0.7".parse().unwrap()));
        assert!(!policy.admits("a.example.org:443", "127.0.0.1".parse().unwrap()));
        assert!(!policy.admits("a.example.org:443", "169.254.169.254".parse().unwrap()));
    }

    #[test]
    fn the_token_is_for_nasa_alone() {
        let policy = Policy {
            token_hosts: vec!["127.0.0.1:9".into()],
            ..Policy::default()
        };
        for (address, expected) in [
            ("https://obdaac-tea.earthdatacloud.nasa.gov/x", true),
            ("https://urs.earthdata.nasa.gov/x", true),
            ("https://evil-nasa.gov/x", false),
            ("https://nasa.gov.evil.org/x", false),
            ("https://a.nasa.gov:8443/x", false),
            ("http://urs.earthdata.nasa.gov/x", false),
            ("http://127.0.0.1:9/x", true),
            ("http://127.0.0.1:8/x", false),
            ("https://bucket.s3.us-west-2.amazonaws.com/x", false),
        ] {
            assert_eq!(policy.takes_token(&url(address)), expected, "{address}");
        }
    }

    #[test]
    fn redirects_are_checked_and_addresses_shown_without_secrets() {
        let policy = Policy {
            loopback: vec!["127.0.0.1:9".into()],
            ..Policy::default()
        };
        let from = url("https://a.org/x?y=1");
        let to = |location| {
            policy
                .redirected(&from, Some(location))
                .map(String::from)
                .ok()
        };
        assert_eq!(to("/z"), Some("https://a.org/z".into()));
        assert_eq!(
            to("https://b.org/z?s=1"),
            Some("https://b.org/z?s=1".into())
        );
        assert_eq!(to("http://127.0.0.1:9/z"), None);
        assert_eq!(to("https://169.254.169.254/"), None);
        assert_eq!(to("https://u:p@b.org/"), None);
        assert!(policy.redirected(&from, None).is_err());
        assert_eq!(
            shown(&url("https://u:p@a.org/x?sig=1#f")),
            "https://a.org/x"
        );
    }
}
