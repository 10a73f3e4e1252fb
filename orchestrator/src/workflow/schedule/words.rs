//! Common cron lines in words, for people who do not read cron.

const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// What a valid cron line means, such as `every day at 03:00`; `None` where words would be longer than the line.
pub fn in_words(line: &str) -> Option<String> {
    let line = match line.trim().to_ascii_lowercase().as_str() {
        "@hourly" => "0 * * * *".into(),
        "@daily" | "@midnight" => "0 0 * * *".into(),
        "@weekly" => "0 0 * * 0".into(),
        "@monthly" => "0 0 1 * *".into(),
        other => other.to_owned(),
    };
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    match fields[..] {
        [second, "*", "*", "*", "*", "*"] => repeated(second, 60, "second"),
        ["0", minute, hour, day, "*", weekday] | [minute, hour, day, "*", weekday] => {
            let days = days(day, weekday)?;
            let time = time(minute, hour)?;
            match (days.as_str(), time.is_of_day) {
                ("", true) => Some(format!("every day {}", time.words)),
                ("", false) => Some(time.words),
                (days, true) => Some(format!("{days} {}", time.words)),
                (days, false) => Some(format!("{}, {days}", time.words)),
            }
        }
        _ => None,
    }
}

struct Time {
    words: String,
    /// It is one time of the day.
    is_of_day: bool,
}

fn time(minute: &str, hour: &str) -> Option<Time> {
    let often = |words| Some(Time { words, is_of_day: false });
    if hour == "*" {
        return match minute.parse::<u32>() {
            Ok(minute) => often(format!("every hour at minute {minute}")),
            Err(_) => often(repeated(minute, 60, "minute")?),
        };
    }
    let minute: u32 = minute.parse().ok()?;
    if let Ok(hour) = hour.parse::<u32>() {
        return Some(Time { words: format!("at {hour:02}:{minute:02}"), is_of_day: true });
    }
    often(format!("{} at minute {minute}", repeated(hour, 24, "hour")?))
}

/// `*` and `*/N`, where `N` divides the whole: others leave a shorter step at its end.
fn repeated(field: &str, whole: u32, unit: &str) -> Option<String> {
    if field == "*" {
        return Some(format!("every {unit}"));
    }
    let step: u32 = field.strip_prefix("*/")?.parse().ok()?;
    match step {
        1 => Some(format!("every {unit}")),
        step if step > 0 && step < whole && whole.is_multiple_of(step) => {
            Some(format!("every {step} {unit}s"))
        }
        _ => None,
    }
}

/// The days in words; empty for every day.
fn days(day: &str, weekday: &str) -> Option<String> {
    match (day, weekday) {
        ("*", "*") => Some(String::new()),
        (day, "*") => Some(format!("on day {} of each month", day.parse::<u32>().ok()?)),
        ("*", weekday) => weekdays(weekday),
        // Unix takes either of the two; that is what nobody expects, and the line says it shorter.
        _ => None,
    }
}

fn weekdays(field: &str) -> Option<String> {
    if let Some((first, last)) = field.split_once('-') {
        return Some(format!("{} to {}", weekday(first)?, weekday(last)?));
    }
    let names: Vec<_> = field.split(',').map(weekday).collect::<Option<_>>()?;
    match names.split_last()? {
        (last, []) => Some(format!("every {last}")),
        (last, [first]) => Some(format!("{first} and {last}")),
        (last, others) => Some(format!("{} and {last}", others.join(", "))),
    }
}

fn weekday(word: &str) -> Option<&'static str> {
    let by_number = || word.parse::<usize>().ok().and_then(|number| DAYS.get(number % 7).copied());
    let by_name =
        || DAYS.into_iter().find(|day| word.len() == 3 && day.to_ascii_lowercase().starts_with(word));
    by_number().or_else(by_name)
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn common_lines_have_words() {
        for (line, wanted) in [
            ("0 3 * * *", "every day at 03:00"),
            ("30 14 * * 1-5", "Monday to Friday at 14:30"),
            ("0 6 * * mon,wed,7", "Monday, Wednesday and Sunday at 06:00"),
            ("5 0 * * SUN", "every Sunday at 00:05"),
            ("0 4 1 * *", "on day 1 of each month at 04:00"),
            ("*/15 * * * *", "every 15 minutes"),
            ("*/10 * * * 6,0", "every 10 minutes, Saturday and Sunday"),
            ("12 * * * *", "every hour at minute 12"),
            ("0 */6 * * *", "every 6 hours at minute 0"),
            ("*/2 * * * * *", "every 2 seconds"),
            ("0 0 3 * * *", "every day at 03:00"),
            ("@daily", "every day at 00:00"),
            ("* * * * *", "every minute"),
        ] {
            assert_eq!(in_words(line).as_deref(), Some(wanted), "{line}");
        }
    }

    #[test]
    fn what_words_would_not_make_clearer_has_none() {
        for line in [
            "*/7 * * * *",
            "0 3 1 * 1",
            "0 3 * 2 *",
            "0,30 2-5 * * *",
            "30 0 3 * * *",
            "0 0 3 * * * 2027",
            "@yearly",
        ] {
            assert_eq!(in_words(line), None, "{line}");
        }
    }
}
