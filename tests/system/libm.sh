#!/bin/bash
# libm.sh - nothing in libtiersim.a calls a function whose bits depend on the C library or the CPU. src/study, which fits
# and judges but is no part of a run, is a library of its own (libstudy.a) and may.
#
# glibc chooses variants of log, exp, pow and others by CPU feature (FMA), and their last bits differ; so do those
# of GSL, which calls them. base/num.h has bit-equal ones. Allowed from libm is what IEEE 754 defines to the last bit
# (sqrt, floor, ceil, trunc, round, rint, fmod, remainder, fma) or what only moves bits (fabs, ldexp, frexp, modf,
# copysign, fmin, fmax). So the list is of what is refused: every other function of C11's <math.h>, with GNU's, in
# all precisions, and GSL's families that compute with them.
set -euo pipefail
: "${TIERSIM:?the path of the tiersim program}"
library=${LIBTIERSIM:-$(dirname "$TIERSIM")/libtiersim.a}

elementary='sin|cos|tan|sincos|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh'
elementary+='|exp|exp2|exp10|pow10|expm1|log|log2|log10|log1p|pow|cbrt|hypot|erf|erfc|gamma|lgamma|tgamma|j[01n]|y[01n]'
refused="^(($elementary)(f|l|f32|f64|f128|f32x|f64x)?(_r)?|__(${elementary})f?_finite"
refused+='|c(exp|log|pow|sqrt|abs|arg|sin|cos|tan)[fl]?|__pow[sdtx]f2|gsl_(ran|cdf|sf|log1p|expm1|hypot|acosh|asinh|atanh|complex|pow)_?.*)$'

# offenders: reads the output of nm -u, prints "object symbol" for each that is refused.
offenders() {
    awk -v refused="$refused" '
        /:$/ { object = $1; sub(/:$/, "", object); next }
        NF == 2 && $1 == "U" { s = $2; sub(/@.*/, "", s); if (s ~ refused) print object, s }'
}

bad=0
sample=$(offenders <<'X'
good.o:
                 U sqrt
                 U num_log
                 U floor
                 U gsl_stats_mean
                 U expect
                 U logger
bad.o:
                 U log
                 U expf
                 U pow@GLIBC_2.29
                 U lgamma_r
                 U __log_finite
                 U gsl_ran_gamma
X
)
if [ "$(grep -c '^bad.o ' <<<"$sample")" -eq 6 ] && ! grep -q '^good.o ' <<<"$sample"; then
    echo "ok - libm.sh tells refused functions from allowed ones"
else
    echo "not ok - libm.sh tells refused functions from allowed ones: $sample"
    bad=1
fi

symbols=$(nm -u "$library")
if ! grep -q 'malloc' <<<"$symbols"; then
    echo "not ok - nm reads $library"
    bad=1
fi
found=$(offenders <<<"$symbols")
if [ -z "$found" ]; then
    echo "ok - no object of libtiersim.a calls libm's or GSL's elementary functions"
else
    echo "$found"
    echo "not ok - the objects above call functions whose bits differ between machines (use base/num.h)"
    bad=1
fi
exit $bad
