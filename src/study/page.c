#include "study/page.h"

#include "base/utf8.h"

/* Light colours are the ones of print. Past the first four, series are told apart on paper by dashes. */
#define LIGHT                                                                                                          \
    "--fg:#1b1f24;--bg:#fff;--dim:#5d6673;--line:#d9dde3;--band:#eef1f5;--c0:#0b62c4;--c1:#c2410c;--c2:#15803d;"       \
    "--c3:#8b2fc9;--c4:#b5175e;--c5:#0e7f8c;--c6:#8a6d00;--c7:#57606f;--good:#15803d;--bad:#b91c1c;--warn:#a16207"

static const char style[] =
    ":root{" LIGHT "}\n"
    "@media screen and (prefers-color-scheme:dark){:root{color-scheme:dark;--fg:#e6e8eb;--bg:#14171c;--dim:#9aa3af;"
    "--line:#333a44;--band:#1f242c;--c0:#6cb2ff;--c1:#fb923c;--c2:#4ade80;--c3:#c792ff;--c4:#fb7bb0;--c5:#3fd0d9;"
    "--c6:#e3c04b;--c7:#b0b8c4;--good:#4ade80;--bad:#f87171;--warn:#facc15}}\n"
    "*{box-sizing:border-box}body{font:15px/1.5 system-ui,\"DejaVu "
    "Sans\",sans-serif;color:var(--fg);background:var(--bg);"
    "max-width:78rem;margin:0 auto;padding:1.5rem 1rem 4rem;overflow-wrap:anywhere}\n"
    "h1{font-size:1.5rem;line-height:1.25;margin:.2rem 0 .4rem}h2{font-size:1.2rem;margin:2.6rem 0 "
    ".6rem;padding-bottom:.2rem;"
    "border-bottom:2px solid var(--line)}h3{font-size:1rem;margin:1.6rem 0 .2rem}p{margin:.3rem 0 "
    ".8rem;max-width:60rem}\n"
    "p,figcaption,.dim,dt{color:var(--dim)}a{color:var(--c0)}nav{font-size:.9rem;margin:.6rem 0 0}"
    "nav a{margin-right:1rem;white-space:nowrap}\n"
    ".plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,28rem),1fr));gap:1rem 2rem}"
    ".three{grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr))}"
    "figure{margin:.4rem 0;min-width:0;display:flex;flex-direction:column}figure "
    ".plot{margin-top:auto}figcaption{font-size:.9rem}figcaption{margin-bottom:.6rem}figcaption b{color:var(--fg)}\n"
    ".cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(11.5rem,45%),1fr));gap:.7rem;margin:1rem 0}"
    ".card{border:1px solid var(--line);border-radius:.4rem;padding:.55rem .75rem;min-width:0}.card dt{font-size:.8rem}"
    ".card dd{margin:0}.card .v{font-size:1.35rem;font-weight:600;line-height:1.3}.card "
    ".u{font-size:.85rem;color:var(--dim)}"
    ".card .n{font-size:.8rem;color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}.warn{color:var(--warn)}\n"
    ".plot{display:block;overflow:visible;width:calc(100% - 4.6rem);margin:auto 1rem 2.9rem 3.6rem}svg "
    "svg{overflow:visible}.clip svg{overflow:hidden}"
    "svg path{vector-effect:non-scaling-stroke}svg "
    "text{fill:var(--dim);font-size:12px}.grid{stroke:var(--line);fill:none}"
    ".band{fill:var(--band)}.same{stroke:var(--dim);fill:none}\n"
    ".legend{font-size:.85rem;margin:-.4rem 0 .7rem;display:flex;flex-wrap:wrap;gap:.1rem 1.1rem}.legend "
    "svg{vertical-align:middle;"
    "margin-right:.35rem}\n"
    ".bar{margin:.35rem 0;max-width:60rem}.bar "
    "p{display:flex;justify-content:space-between;gap:1rem;margin:0;font-size:.85rem;"
    "color:var(--fg);max-width:none}.bar span+span{white-space:nowrap}.bar svg{display:block;width:100%;height:14px}\n"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;white-space:nowrap;"
    "font-size:.85rem}td,th{padding:.15rem .6rem;text-align:right;border-bottom:1px solid var(--line)}"
    "td.t,th.t{text-align:left}thead th{border-bottom:2px solid var(--dim)}\n"
    "details{margin:.2rem 0 1rem}summary{cursor:pointer;color:var(--dim);font-size:.85rem}pre{font:12px/1.45 "
    "ui-monospace,"
    "\"DejaVu Sans Mono\",monospace;background:var(--band);padding:.6rem "
    ".8rem;border-radius:.3rem;white-space:pre-wrap;"
    "overflow-wrap:anywhere}details .scroll{max-height:28rem;overflow:auto}.columns{columns:22rem;column-gap:2rem}\n"
    "circle{fill-opacity:.6}circle:hover{fill-opacity:1;stroke:var(--fg)}path{stroke-linejoin:round}.faint{fill-"
    "opacity:.18}"
    ".area{fill-opacity:.75}\n"
    ".k0{fill:var(--c0)}.k1{fill:var(--c1)}.k2{fill:var(--c2)}.k3{fill:var(--c3)}.k4{fill:var(--c4)}.k5{fill:var(--c5)}"
    ".k6{fill:var(--c6)}.k7{fill:var(--c7)}\n"
    ".l{fill:none;stroke-width:2}.l0{stroke:var(--c0)}.l1{stroke:var(--c1)}.l2{stroke:var(--c2)}.l3{stroke:var(--c3)}"
    ".l4{stroke:var(--c4)}.l5{stroke:var(--c5)}.l6{stroke:var(--c6)}.l7{stroke:var(--c7)}\n"
    "b.k0{color:var(--c0)}b.k1{color:var(--c1)}b.k2{color:var(--c2)}b.k3{color:var(--c3)}b.k4{color:var(--c4)}"
    "b.k5{color:var(--c5)}b.k6{color:var(--c6)}b.k7{color:var(--c7)}\n"
    "@media print{@page{margin:14mm}body{font-size:10pt;max-width:none;padding:0 "
    "1px}nav,details:not([open]),summary{display:none}"
    "figure,.card,.bar,tr{break-inside:avoid}h2,h3,h3+p,.legend{break-after:avoid}.plots{grid-template-columns:1fr 1fr}"
    ".plots>:last-child:nth-child(odd){grid-column:1/"
    "3}svg,.card{print-color-adjust:exact;-webkit-print-color-adjust:exact}"
    ".scroll,details "
    ".scroll{max-height:none;overflow:visible}table{font-size:7pt;white-space:normal}td,th{padding:.1rem "
    ".3rem}td{overflow-wrap:normal}"
    "pre{font-size:6.5pt}.columns{columns:3}.l1{stroke-dasharray:7 3}.l2{stroke-dasharray:2 "
    "2}.l3{stroke-dasharray:9 3 2 3}"
    ".l4{stroke-dasharray:4 4}.l5{stroke-dasharray:1 3}.l6{stroke-dasharray:12 4}.l7{stroke-dasharray:6 2 1 2 1 2}}\n";

/* Bytes of the character at s; 0: none that may stand in a page. */
static int readable(const unsigned char *s)
{
    int n = utf8_length(s);
    bool control = (*s < ' ' && *s != '\n' && *s != '\t') || *s == 0x7f;
    bool none = n == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe; /* U+FFFE, U+FFFF */

    return control || none ? 0 : n;
}

void page_text(FILE *out, const char *s)
{
    for (const unsigned char *c = (const unsigned char *)s; *c;) {
        int n = readable(c);

        if (n == 0)
            fputs("\xef\xbf\xbd", out); /* U+FFFD */
        else if (*c == '&')
            fputs("&amp;", out);
        else if (*c == '<')
            fputs("&lt;", out);
        else if (*c == '>')
            fputs("&gt;", out);
        else if (*c == '"')
            fputs("&quot;", out);
        else
            fwrite(c, 1, (size_t)n, out);
        c += n ? n : 1;
    }
}

void page_begin(FILE *out, const char *heading, const char *name)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>"
          "<meta name=\"viewport\" content=\"width=device-width\"/><title>tiersim: ",
          out);
    page_text(out, name);
    fprintf(out, "</title>\n<style>\n%s</style></head><body>\n<h1>%s: ", style, heading);
    page_text(out, name);
    fputs("</h1>\n", out);
}

void page_end(FILE *out)
{
    fputs("</body></html>\n", out);
}
