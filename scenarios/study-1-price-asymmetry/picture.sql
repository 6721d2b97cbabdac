.mode list
.separator "\t"
SELECT '# panel An output token in input tokens, by load';
SELECT '# x users of 8 GPUs (pools: of 16)';
SELECT '# y US$ of an output token / of an input token';
SELECT '# logx';
SELECT '# logy';
SELECT '# line 5 published: Claude Opus 4.7, Kimi K2.5';
SELECT '# line 2 published: DeepSeek V4-Pro';
SELECT a, b, mean, low, high FROM ci WHERE name = 'ratio' AND b <> 'best' ORDER BY a, b;
SELECT '# panel What an output token costs';
SELECT '# x users of 8 GPUs (pools: of 16)';
SELECT '# y US$ a million';
SELECT '# logx';
SELECT '# logy';
SELECT a, b, mean, low, high FROM ci WHERE name = 'output' AND b <> 'best' ORDER BY a, b;
