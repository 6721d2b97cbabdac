.mode list
.separator "\t"
SELECT '# panel What a US$ buys within the service level';
SELECT '# bars';
SELECT '# x seconds between the calls of a session';
SELECT '# y calls a US$';
SELECT a, b, mean, low, high FROM ci WHERE name = 'calls_per_usd' ORDER BY CASE a WHEN 'HBM alone' THEN 1 WHEN 'LPDDR' THEN 2 WHEN 'NAND' THEN 3 ELSE 4 END, b;
SELECT '# panel LPDDR pays up to';
SELECT '# x seconds between the calls of a session';
SELECT '# y US$ a GB';
SELECT '# logx';
SELECT '# line 32.5 as sold on, end of 2026';
SELECT 'beside ' || iif(a = 'NAND', 'NAND', 'nothing'), b, mean, low, high FROM ci WHERE name = 'break_even' ORDER BY a, b;
