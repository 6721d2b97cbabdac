.mode list
.separator "\t"
SELECT '# panel Time of a task';
SELECT '# x steps';
SELECT '# y s';
SELECT '# logx';
SELECT '# logy';
SELECT a || ' agents', b, mean, low, high FROM ci WHERE name = 'task_s' ORDER BY a, b;
SELECT '# panel Price of a task';
SELECT '# x steps';
SELECT '# y US$';
SELECT '# logx';
SELECT '# logy';
SELECT a || ' agents', b, mean, low, high FROM ci WHERE name = 'usd' ORDER BY a, b;
