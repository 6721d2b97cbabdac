# plot.awk - draws a picture of a study as SVG: panels side by side, each with lines, points or bars and their intervals.
#
#   sqlite3 -separator "$(printf '\t')" study.db < picture.sql | awk -f tools/plot.awk > picture.svg
#
# Rows are data: series, x, y and, where there is one, the interval's two ends; separated by tabs. Rows that begin with "# " say
# what to draw:
#
#   # panel TITLE           begins a panel; what follows is its own
#   # x LABEL, # y LABEL    what is on the axes
#   # logx, # logy          logarithmic axes
#   # bars                  x is a name, each with one bar a series; without it, x is a number and points are joined by lines
#   # points                not joined
#   # line Y LABEL          a dashed line across at Y (with "# vline X LABEL" upwards at X)
#
# Why our own: a dozen lines of SQL and this need no package, and the same rows give the same bytes on any machine, so that a picture
# in the repository changes only when its figures do. The colours are Okabe and Ito's, told apart by the colour-blind on light
# and dark ground; text and axes follow the reader's preference.

BEGIN {
    FS = "\t"
    W = 470; H = 330; LEFT = 62; RIGHT = 14; TOP = 34; BOTTOM = 50
    split("#0072B2 #D55E00 #009E73 #CC79A7 #E69F00 #56B4E9 #7F7F7F #B8A800", colour, " ")
    panels = 0
}

function esc(s) {
    gsub(/&/, "\\&amp;", s)
    gsub(/</, "\\&lt;", s)
    gsub(/>/, "\\&gt;", s)
    return s
}

function log10(v) { return log(v) / log(10) }
function floor(v, i) { i = int(v); return v < i ? i - 1 : i }
function at(p, axis, v) { return (p, axis) in is_log ? log10(v) : v }

function widen(p, axis, v) {
    if (v == "" || ((p, axis) in is_log && v + 0 <= 0))
        return
    v = at(p, axis, v + 0)
    if (!((p, axis) in low) || v < low[p, axis]) low[p, axis] = v
    if (!((p, axis) in high) || v > high[p, axis]) high[p, axis] = v
}

/^# / {
    what = $1
    sub(/^# /, "", what)
    word = what
    sub(/ .*/, "", word)
    sub(/^[^ ]+ ?/, "", what)
    if (word == "panel") title[++panels] = what
    else if (word == "x" || word == "y") label[panels, word] = what
    else if (word == "logx" || word == "logy") is_log[panels, substr(word, 4)] = 1
    else if (word == "bars") bars[panels] = 1
    else if (word == "points") apart[panels] = 1
    else if (word == "line" || word == "vline") {
        n = ++rules[panels]
        rule_axis[panels, n] = word == "line" ? "y" : "x"
        rule_at[panels, n] = what + 0
        sub(/^[^ ]+ ?/, "", what)
        rule_label[panels, n] = what
    }
    next
}

NF >= 3 && $3 != "" {
    p = panels
    if (!((p, $1) in series_of)) {
        series_of[p, $1] = ++n_series[p]
        series_name[p, n_series[p]] = $1
    }
    s = series_of[p, $1]
    n = ++n_points[p, s]
    if (p in bars) {
        if (!((p, $2) in place_of)) {
            place_of[p, $2] = ++n_places[p]
            place_name[p, n_places[p]] = $2
        }
        px[p, s, n] = place_of[p, $2]
    } else
        px[p, s, n] = $2 + 0
    py[p, s, n] = $3 + 0
    plo[p, s, n] = $4
    phi[p, s, n] = $5
}

# The least of 1, 2, 5 times a power of ten that cuts the span into at most five.
function step_of(span, s, p) {
    p = 10 ^ floor(log10(span / 5))
    s = span / 5 / p
    return p * (s <= 1 ? 1 : s <= 2 ? 2 : s <= 5 ? 5 : 10)
}

function number(v, a) {
    a = v < 0 ? -v : v
    if (a >= 999999.5) return sprintf("%.3gM", v / 1e6)
    if (a >= 9999.5) return sprintf("%.3gk", v / 1e3)
    return sprintf("%.4g", v)
}

function span(p, axis, s, n) {
    if (axis == "x" && p in bars) { low[p, axis] = 0.4; high[p, axis] = n_places[p] + 0.6; return }
    for (s = 1; s <= n_series[p]; s++)
        for (n = 1; n <= n_points[p, s]; n++)
            if (axis == "x") widen(p, axis, px[p, s, n])
            else { widen(p, axis, py[p, s, n]); widen(p, axis, plo[p, s, n]); widen(p, axis, phi[p, s, n]) }
    for (n = 1; n <= rules[p]; n++)
        if (rule_axis[p, n] == axis) widen(p, axis, rule_at[p, n])
    if (axis == "y" && !((p, axis) in is_log) && low[p, axis] > 0 && (p in bars || low[p, axis] < high[p, axis] / 2)) low[p, axis] = 0
    if (high[p, axis] <= low[p, axis]) { high[p, axis] = low[p, axis] + 1 }
    s = (high[p, axis] - low[p, axis]) * 0.05
    if (low[p, axis] != 0 || (p, axis) in is_log) low[p, axis] -= s
    high[p, axis] += s
}

function pos(p, axis, v, f) {
    f = (at(p, axis, v) - low[p, axis]) / (high[p, axis] - low[p, axis])
    f = f < 0 ? 0 : f > 1 ? 1 : f
    return axis == "x" ? LEFT + f * (W - LEFT - RIGHT) : H - BOTTOM - f * (H - TOP - BOTTOM)
}

function text(x, y, anchor, class, s) {
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>%s</text>\n", x, y, anchor, class == "" ? "" : " class=\"" class "\"", esc(s)
}

function tick(p, axis, v, s, q) {
    q = pos(p, axis, v)
    if (axis == "x") {
        printf "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>\n", q, TOP, H - BOTTOM
        text(q, H - BOTTOM + 15, "middle", "", s)
    } else {
        printf "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT, q, W - RIGHT
        text(LEFT - 5, q + 4, "end", "", s)
    }
}

function ticks(p, axis, v, d, k, m, few) {
    if (axis == "x" && p in bars) {
        for (v = 1; v <= n_places[p]; v++) text(pos(p, axis, v), H - BOTTOM + 15, "middle", "", place_name[p, v])
        return
    }
    if ((p, axis) in is_log) {
        few = high[p, axis] - low[p, axis] < 1.8
        for (d = floor(low[p, axis]); d <= high[p, axis]; d++)
            for (k = 1; k <= (few ? 3 : 1); k++) {
                m = k == 1 ? 1 : k == 2 ? 2 : 5
                v = m * 10 ^ d
                if (log10(v) >= low[p, axis] && log10(v) <= high[p, axis]) tick(p, axis, v, number(v))
            }
        return
    }
    d = step_of(high[p, axis] - low[p, axis])
    for (k = floor(low[p, axis] / d); k * d <= high[p, axis]; k++)
        if (k * d >= low[p, axis] - d * 1e-9) tick(p, axis, k * d, number(k * d))
}

function error_bar(x, p, s, n, c, a, b) {
    if (plo[p, s, n] == "" || phi[p, s, n] == "") return
    a = pos(p, "y", (p, "y") in is_log && plo[p, s, n] + 0 <= 0 ? 10 ^ low[p, "y"] : plo[p, s, n] + 0)
    b = pos(p, "y", phi[p, s, n] + 0)
    printf "<path stroke=\"%s\" class=\"bar\" d=\"M%.1f %.1fV%.1fM%.1f %.1fh6M%.1f %.1fh6\"/>\n", c, x, a, b, x - 3, a, x - 3, b
}

function draw_bars(p, s, c, n, w, x, y) {
    w = 0.8 / n_series[p]
    for (n = 1; n <= n_points[p, s]; n++) {
        x = pos(p, "x", px[p, s, n] - 0.4 + (s - 1) * w)
        y = pos(p, "y", py[p, s, n])
        printf "<rect fill=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", c, x + 1, y,
            pos(p, "x", 1 + w) - pos(p, "x", 1) - 2, H - BOTTOM - y
        error_bar(x + (pos(p, "x", 1 + w) - pos(p, "x", 1)) / 2, p, s, n, "currentColor")
    }
}

function draw_line(p, s, c, n, path, x, y) {
    path = ""
    for (n = 1; n <= n_points[p, s]; n++) {
        x = pos(p, "x", px[p, s, n])
        y = pos(p, "y", py[p, s, n])
        path = path sprintf("%s%.1f %.1f", n == 1 ? "M" : "L", x, y)
        error_bar(x, p, s, n, c)
        printf "<circle fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>\n", c, x, y
    }
    if (!(p in apart)) printf "<path stroke=\"%s\" class=\"line\" d=\"%s\"/>\n", c, path
}

function legend(p, s, x, y, width) {
    x = LEFT
    y = H + 2
    for (s = 1; s <= n_series[p] && n_series[p] > 1; s++) {
        width = 22 + 6.3 * length(series_name[p, s])
        if (x > LEFT && x + width > W) { x = LEFT; y += 16 }
        printf "<rect fill=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"10\" height=\"10\"/>\n", colour[(s - 1) % 8 + 1], x, y - 9
        text(x + 14, y, "start", "", series_name[p, s])
        x += width
    }
    return y + 12
}

function panel(p, s, n, q) {
    printf "<g transform=\"translate(%d 0)\">\n", (p - 1) * W
    span(p, "x"); span(p, "y")
    text(LEFT, 18, "start", "title", title[p])
    ticks(p, "x"); ticks(p, "y")
    printf "<path class=\"axis\" d=\"M%.1f %.1fV%.1fH%.1f\"/>\n", LEFT, TOP, H - BOTTOM, W - RIGHT
    text((LEFT + W - RIGHT) / 2, H - BOTTOM + 32, "middle", "", label[p, "x"])
    printf "<text transform=\"translate(14 %.1f) rotate(-90)\" text-anchor=\"middle\">%s</text>\n", (TOP + H - BOTTOM) / 2, esc(label[p, "y"])
    for (n = 1; n <= rules[p]; n++) {
        q = pos(p, rule_axis[p, n], rule_at[p, n])
        if (rule_axis[p, n] == "y") {
            printf "<path class=\"rule\" d=\"M%.1f %.1fH%.1f\"/>\n", LEFT, q, W - RIGHT
            text(LEFT + 4, q - 3, "start", "note", rule_label[p, n])
        } else {
            printf "<path class=\"rule\" d=\"M%.1f %.1fV%.1f\"/>\n", q, TOP, H - BOTTOM
            text(q + 3, TOP + 10, "start", "note", rule_label[p, n])
        }
    }
    for (s = 1; s <= n_series[p]; s++)
        if (p in bars) draw_bars(p, s, colour[(s - 1) % 8 + 1]); else draw_line(p, s, colour[(s - 1) % 8 + 1])
    q = legend(p)
    print "</g>"
    return q
}

END {
    height = H
    for (p = 1; p <= panels; p++) {
        rows = n_series[p] > 1 ? 1 : 0
        x = 0
        for (s = 1; s <= n_series[p]; s++) {
            w = 22 + 6.3 * length(series_name[p, s])
            if (x > 0 && x + w > W - LEFT) { x = 0; rows++ }
            x += w
        }
        if (H + rows * 16 > height) height = H + rows * 16
    }
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\">\n", panels * W, height, panels * W, height
    print "<style>svg{color:#222;background:#fff;font:11px sans-serif}text{fill:currentColor}.title{font-weight:bold;font-size:12px}" \
        ".note{font-size:10px}.grid{stroke:currentColor;stroke-opacity:.15;fill:none}.axis{stroke:currentColor;fill:none}" \
        ".line{stroke-width:1.8;fill:none}.bar{stroke-width:1.2;fill:none}.rule{stroke:currentColor;stroke-dasharray:5 4;fill:none}" \
        "@media(prefers-color-scheme:dark){svg{color:#ddd;background:#181818}}</style>"
    for (p = 1; p <= panels; p++) panel(p)
    print "</svg>"
}
