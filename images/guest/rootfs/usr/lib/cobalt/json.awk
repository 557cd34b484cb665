# Flattens JSON: one `path<TAB>value` a line, e.g. `public_keys.mine<TAB>ssh-rsa AAAA`. Line breaks and tabs inside
# strings become blanks; characters beyond ASCII given as \uXXXX become `?`. Bad input ends the output.
{ text = text $0 " " }
END { position = 1; value("") }

function blank() { while (substr(text, position, 1) ~ /[ \t\r\n]/) position++ }
function next_is(c) { blank(); if (substr(text, position, 1) != c) return 0; position++; return 1 }
function fail() { exit 1 }

function string(   c, out, hex) {
  if (!next_is("\"")) fail()
  out = ""
  while ((c = substr(text, position++, 1)) != "\"") {
    if (c == "") fail()
    if (c == "\\") {
      c = substr(text, position++, 1)
      if (c == "u") {
        hex = tolower(substr(text, position, 4)); position += 4
        c = substr(hex, 1, 2) == "00" && hex ~ /^00[2-7]/ ? sprintf("%c", (index("0123456789abcdef", substr(hex, 3, 1)) - 1) * 16 + index("0123456789abcdef", substr(hex, 4, 1)) - 1) : "?"
      } else if (c ~ /[nrtbf]/) c = " "
    }
    out = out c
  }
  sub(/ +$/, "", out)
  return out
}

function value(path,   start, i, key) {
  blank()
  if (next_is("{")) {
    if (next_is("}")) return
    do { key = string(); if (!next_is(":")) fail(); value(path == "" ? key : path "." key) } while (next_is(","))
    if (!next_is("}")) fail()
  } else if (next_is("[")) {
    if (next_is("]")) return
    i = 0
    do { value(path == "" ? i : path "." i); i++ } while (next_is(","))
    if (!next_is("]")) fail()
  } else if (substr(text, position, 1) == "\"") {
    print path "\t" string()
  } else {
    start = position
    while (substr(text, position, 1) ~ /[-+.0-9a-zA-Z]/) position++
    if (position == start) fail()
    print path "\t" substr(text, start, position - start)
  }
}
