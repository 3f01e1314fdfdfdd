//! Options of a table: what stands behind the closing bracket of its definition.

/// Options of an InnoDB table: what other engines know is left out.
pub(super) fn innodb_options(options: &str) -> String {
    const FOREIGN: [&str; 13] = [
        "CHECKSUM",
        "DELAY_KEY_WRITE",
        "PACK_KEYS",
        "TRANSACTIONAL",
        "PAGE_CHECKSUM",
        "TABLE_CHECKSUM",
        "UNION",
        "INSERT_METHOD",
        "CONNECTION",
        "TABLESPACE",
        "SECONDARY_ENGINE",
        "AVG_ROW_LENGTH",
        "AUTOEXTEND_SIZE",
    ];
    let (head, partitions) = match options.find("\n") {
        Some(at) => options.split_at(at),
        None => (options, ""),
    };
    let head = without_tablespace(head);
    let head = head.as_str();
    let mut out: Vec<String> = Vec::new();
    let mut seen_engine = false;
    let words = option_words(head);
    for word in words {
        let name = word
            .split('=')
            .next()
            .unwrap_or("")
            .trim()
            .to_ascii_uppercase();
        if name == "ENGINE" {
            out.push("ENGINE=InnoDB".to_owned());
            seen_engine = true;
        } else if FOREIGN.contains(&name.as_str())
            || name.ends_with("DATA DIRECTORY")
            || name.ends_with("INDEX DIRECTORY")
            || (name == "ROW_FORMAT"
                && !["DYNAMIC", "COMPACT", "REDUNDANT", "COMPRESSED"]
                    .iter()
                    .any(|f| word.to_ascii_uppercase().ends_with(f)))
        {
            // Left out: it has no meaning, or another one, for InnoDB on another server.
        } else {
            out.push(word);
        }
    }
    if !seen_engine {
        out.insert(0, "ENGINE=InnoDB".to_owned());
    }
    let partitions = partitions
        .replace("ENGINE = MyISAM", "ENGINE = InnoDB")
        .replace("ENGINE = Aria", "ENGINE = InnoDB");
    format!("{}{partitions}", out.join(" "))
}

/// The options that say in which charset columns are that don't say it themselves; with a blank
/// before.
pub(super) fn default_charset(options: &str) -> String {
    let head = options.lines().next().unwrap_or_default();
    let words = option_words(&without_tablespace(head)).into_iter();
    let charset = words.filter(|word| {
        let word = word.to_ascii_uppercase();
        ["DEFAULT CHARSET=", "COLLATE=", "DEFAULT COLLATE="]
            .iter()
            .any(|name| word.starts_with(name))
    });
    charset.map(|word| format!(" {word}")).collect()
}

/// MySQL prints a general tablespace as `/*!50100 TABLESPACE `ts` */`; it is of its own server.
fn without_tablespace(options: &str) -> String {
    let end_of_comment = |from: usize| options[from..].find("*/").map(|at| from + at + 2);
    match options.find("/*!50100 TABLESPACE ") {
        Some(at) if options[..at].find(" COMMENT=").is_none() => {
            let end = end_of_comment(at).unwrap_or(options.len());
            format!("{}{}", &options[..at], options[end..].trim_start())
        }
        _ => options.to_owned(),
    }
}

/// `A=1 DEFAULT CHARSET=x COMMENT='a b'` → its options, quotes respected.
fn option_words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut current = String::new();
    let mut quote: Option<char> = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match quote {
            Some(q) => {
                current.push(c);
                if c == '\\' && q == '\'' {
                    if let Some(next) = chars.next() {
                        current.push(next);
                    }
                } else if c == q {
                    if chars.peek() == Some(&q) {
                        current.push(q);
                        chars.next();
                    } else {
                        quote = None;
                    }
                }
            }
            None if c == '\'' || c == '`' || c == '"' => {
                quote = Some(c);
                current.push(c);
            }
            None if c == ' ' => {
                // `DEFAULT CHARSET=x`, `DATA DIRECTORY='x'`: a word without `=` belongs to the next.
                if current.contains('=') {
                    words.push(std::mem::take(&mut current));
                } else if !current.is_empty() {
                    current.push(' ');
                }
            }
            None => current.push(c),
        }
    }
    if !current.trim().is_empty() {
        words.push(current.trim().to_owned());
    }
    words
}
