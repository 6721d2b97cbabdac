.mode list
.separator "\t"
SELECT '# panel Calls in time, a US$';
SELECT '# bars';
SELECT '# x model';
SELECT '# y calls a US$';
SELECT '# logy';
SELECT substr(a, instr(a, ': ') + 2), substr(a, 1, instr(a, ':') - 1), mean, low, high FROM ci WHERE name = 'calls_per_usd' ORDER BY a LIKE '%flash%', a LIKE '%poor%', a LIKE '%of experts%', mean DESC;
SELECT '# panel Calls in time, a kWh';
SELECT '# bars';
SELECT '# x model';
SELECT '# y calls a kWh';
SELECT '# logy';
SELECT substr(a, instr(a, ': ') + 2), substr(a, 1, instr(a, ':') - 1), mean, low, high FROM ci WHERE name = 'calls_per_kwh' ORDER BY a LIKE '%flash%', a LIKE '%poor%', a LIKE '%of experts%', mean DESC;
