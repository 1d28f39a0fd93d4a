# Turns a host name in UTF-8 into A-labels: Punycode as in RFC 3492, section 6.3, label
# by label. Run it with LC_ALL=C, so that every awk sees bytes. It lowers capitals of
# the Latin-1, Greek and Cyrillic alphabets. A name that needs more mapping, or is not
# in NFC, gives a label that no browser sends, so it matches nothing.
BEGIN { for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i }

{
  count = split($0, labels, ".")
  name = ""
  for (l = 1; l <= count; l++) name = name (l > 1 ? "." : "") a_label(labels[l])
  print name
}

function a_label(label, length_, i, basic) {
  length_ = decode(label)
  basic = ""
  for (i = 1; i <= length_; i++) if (point[i] < 128) basic = basic sprintf("%c", point[i])
  if (length_ == length(basic)) return basic
  return "xn--" punycode(basic, length_)
}

# Fills point with the code points of a label, and returns their number.
function decode(label, i, j, byte, more, n) {
  n = 0
  for (i = 1; i <= length(label); i++) {
    byte = ord[substr(label, i, 1)]
    more = byte < 192 ? 0 : byte < 224 ? 1 : byte < 240 ? 2 : 3
    if (more) byte -= more == 1 ? 192 : more == 2 ? 224 : 240
    for (j = 0; j < more; j++) byte = byte * 64 + ord[substr(label, ++i, 1)] - 128
    point[++n] = small(byte)
  }
  return n
}

function small(c) {
  if (c >= 192 && c <= 222 && c != 215 || c >= 913 && c <= 939 || c >= 1040 && c <= 1071) return c + 32
  return c
}

function punycode(basic, total, out, done, n, delta, bias, i, lowest, q, k, t) {
  out = basic (basic == "" ? "" : "-")
  done = length(basic)
  n = 128
  delta = 0
  bias = 72
  while (done < total) {
    lowest = 1114112
    for (i = 1; i <= total; i++) if (point[i] >= n && point[i] < lowest) lowest = point[i]
    delta += (lowest - n) * (done + 1)
    n = lowest
    for (i = 1; i <= total; i++) {
      if (point[i] < n) delta++
      if (point[i] != n) continue
      q = delta
      for (k = 36; ; k += 36) {
        t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias
        if (q < t) break
        out = out digit(t + (q - t) % (36 - t))
        q = int((q - t) / (36 - t))
      }
      out = out digit(q)
      bias = adapt(delta, done + 1, done == length(basic))
      delta = 0
      done++
    }
    delta++
    n++
  }
  return out
}

function digit(d) { return substr("abcdefghijklmnopqrstuvwxyz0123456789", d + 1, 1) }

function adapt(delta, points, first, k) {
  delta = int(delta / (first ? 700 : 2))
  delta += int(delta / points)
  for (k = 0; delta > 455; k += 36) delta = int(delta / 35)
  return k + int(36 * delta / (delta + 38))
}
